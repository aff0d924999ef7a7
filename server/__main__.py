"""Run the server: ``python -m server``, set up by the environment (see :mod:`server.settings`)."""

import uvicorn

from server.app import create_app
from server.settings import Settings


def serve(settings: Settings) -> None:
    """Serve until interrupted."""
    uvicorn.run(
        create_app(settings),
        host=settings.host,
        port=settings.port,
        ws_max_size=settings.max_message_bytes,
        ws_per_message_deflate=False,  # pictures are compressed already
        timeout_graceful_shutdown=10,  # seconds; a client that does not hang up must not keep us
    )


if __name__ == "__main__":
    serve(Settings())
