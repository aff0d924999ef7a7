"""What keeps a server up, and tells how it is."""
