"""Run the server: ``python -m server``, set up by the environment (see :mod:`server.settings`)."""

import argparse
import socket
import sys

from dotenv import load_dotenv

from dynamicnet import __version__
from dynamicnet.errors import DynamicNetError, reason
from server.operations import logs
from server.settings import ENV_FILE, Settings, read_settings, variable


def serve(settings: Settings) -> None:
    """Serve until interrupted.

    Raises:
        DynamicNetError: ``device-unknown`` or ``settings-invalid``.
    """
    _try_address(settings)
    load_dotenv(ENV_FILE)  # what PyTorch and uvicorn look for in the environment
    # After the settings were read: what is wrong with them is said before PyTorch has been loaded, which takes seconds.
    import uvicorn

    from dynamicnet.model import pick_device
    from server.app import create_app

    pick_device(settings.device)
    logs.begin(settings.log_level)
    uvicorn.run(
        create_app(settings),
        host=settings.host,
        port=settings.port,
        ws_max_size=settings.max_message_bytes,
        ws_ping_interval=settings.ping_seconds,
        ws_ping_timeout=settings.pong_seconds,
        ws_per_message_deflate=False,  # pictures are compressed already
        timeout_graceful_shutdown=settings.drain_seconds,
        log_config=None,
        access_log=False,  # see logs.Requests
        server_header=False,
    )


def _try_address(settings: Settings) -> None:
    """Find out whether one can listen there, which uvicorn does when all models are loaded."""
    host, port = settings.host, settings.port
    try:
        family, kind, protocol, _, address = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)[0]
        with socket.socket(family, kind, protocol) as tried:
            tried.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            tried.bind(address)
    except (OSError, UnicodeError) as error:
        names = f"{variable('host')}={host}, {variable('port')}={port}"
        raise DynamicNetError("settings-invalid", f"{names}: cannot listen there ({reason(error)}).", 500) from None


def main() -> None:
    """Serve as the environment says; what is wrong with it is one sentence and exit status 1."""
    _parser().parse_args()
    logs.begin("info")  # until settings say
    try:
        serve(read_settings())
    except DynamicNetError as error:
        print(error.message, file=sys.stderr)
        raise SystemExit(1) from None


def _parser() -> argparse.ArgumentParser:
    """No options but --help and --version: what can be set is set by the environment."""
    rows = [f"  {variable(name)}\n      {field.description}" for name, field in Settings.model_fields.items()]
    parser = argparse.ArgumentParser(
        prog="python -m server",
        description="Serve the page, POST /infer and the WebSocket. Set up by environment variables, or a file .env:",
        epilog="\n".join(rows),
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--version", action="version", version=f"dynamic-net {__version__}")
    return parser


if __name__ == "__main__":
    main()
