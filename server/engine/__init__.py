"""The engine, and what it keeps."""
