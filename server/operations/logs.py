"""A line of JSON for everything that happens: which request, what came of it and how long it took; never a picture."""

import contextvars
import json
import logging
import sys
import time
import uuid
from typing import Any

from starlette.datastructures import MutableHeaders
from starlette.types import ASGIApp, Message, Receive, Scope, Send

HEADER = "X-Request-ID"

LEFT_OUT = (
    '"WebSocket /',  # uvicorn's, with the query's key
    "ASGI callable returned without completing handshake.",  # uvicorn's, of every WebSocket that was answered otherwise
)
"""What lines are left out that have it in them."""

_request_id: contextvars.ContextVar[str | None] = contextvars.ContextVar("request_id", default=None)

log = logging.getLogger("server.requests")


def begin(level: str) -> None:
    """Log to standard error from here on, uvicorn's own lines included.

    What libraries say at ``debug`` is left out: it holds all that is sent, keys and pictures.
    """
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(_Json())
    handler.addFilter(lambda record: not any(what in record.getMessage() for what in LEFT_OUT))
    logging.basicConfig(level="INFO" if level == "debug" else level.upper(), handlers=[handler], force=True)
    for ours in ("server", "dynamicnet"):
        logging.getLogger(ours).setLevel(level.upper())


class _Json(logging.Formatter):
    def format(self, record: logging.LogRecord) -> str:
        line: dict[str, Any] = {
            "time": self.formatTime(record, "%Y-%m-%dT%H:%M:%S%z"),
            "level": record.levelname.lower(),
            "logger": record.name,
            "message": record.getMessage(),
        }
        if request_id := _request_id.get():
            line["request"] = request_id
        line |= getattr(record, "fields", {})
        if record.exc_info:
            line["traceback"] = self.formatException(record.exc_info)
        return json.dumps(line, ensure_ascii=False)


class Requests:
    """Gives each request and session an id, which its log lines and its reply carry, and logs a line when it ends."""

    def __init__(self, app: ASGIApp) -> None:
        self.app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass the request on."""
        if scope["type"] not in ("http", "websocket"):
            await self.app(scope, receive, send)
            return
        request_id = uuid.uuid4().hex[:16]
        _request_id.set(request_id)  # for all of this task: uvicorn logs what failed after it has left here
        fields: dict[str, Any] = {"path": scope["path"], "method": scope.get("method", "WEBSOCKET")}

        async def noted(message: Message) -> None:
            if message["type"] in ("http.response.start", "websocket.http.response.start"):
                MutableHeaders(scope=message)[HEADER] = request_id
                fields["status"] = message["status"]
            await send(message)

        begun = time.perf_counter()
        try:
            await self.app(scope, receive, noted)
        finally:
            fields["ms"] = round((time.perf_counter() - begun) * 1000, 1)
            quiet = scope["path"] in ("/health", "/ready", "/metrics")  # asked for every few seconds
            log.log(logging.DEBUG if quiet else logging.INFO, "request", extra={"fields": fields})
