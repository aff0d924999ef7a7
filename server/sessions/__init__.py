"""Sessions over a WebSocket."""
