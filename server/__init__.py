"""The FastAPI application that serves Dynamic-Nets over HTTP and WebSocket."""
