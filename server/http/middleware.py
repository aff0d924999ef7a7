"""What every HTTP exchange passes through."""

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any

from starlette.datastructures import Headers, MutableHeaders
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send


class Head:
    """Answers HEAD as GET would be answered; the server leaves the body out (RFC 9110, section 9.3.2)."""

    def __init__(self, app: ASGIApp) -> None:
        self.app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass the request on, under the name of GET: a copy, as the server goes by its own."""
        asked = {**scope, "method": "GET"} if scope.get("method") == "HEAD" else scope
        await self.app(asked, receive, send)


class BodyLimit:
    """Refuses a request body over a limit: by its Content-Length before reading, else as soon as it grows too long.

    And one of which nothing comes for as long as ``patience``, in seconds: what has come takes room.
    """

    def __init__(self, app: ASGIApp, limit: int, patience: float = 60.0) -> None:
        self.app = app
        self.limit = limit
        self.patience = patience

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass the request on, counting what is read of its body."""
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        declared = Headers(scope=scope).get("content-length", "")
        read, is_whole = 0, False

        async def counted() -> Message:
            nonlocal read, is_whole
            if declared.isdecimal() and int(declared) > self.limit:
                raise self._too_large()
            try:
                async with asyncio.timeout(None if is_whole else self.patience):
                    message = await receive()
            except TimeoutError:
                sentence = f"Nothing of the upload came for {self.patience:g} seconds; send it again."
                raise HTTPException(408, sentence) from None
            is_whole = not message.get("more_body")
            read += len(message.get("body", b""))
            if read > self.limit:
                raise self._too_large()
            return message

        await self.app(scope, counted, send)

    def _too_large(self) -> HTTPException:
        return HTTPException(413, f"The upload is over {self.limit / 1e6:g} MB; send a smaller picture.")


class Stopping:
    """Answers a request that the server cannot wait for when it ends: uvicorn cancels it, and would answer 500.

    ``answering`` has the tasks of those that are not answered: uvicorn waits for none that it cancelled.
    """

    def __init__(
        self, app: ASGIApp, handler: Callable[[Request], Awaitable[Response]], answering: set[asyncio.Task[Any]]
    ) -> None:
        self.app = app
        self.handler = handler
        self.answering = answering

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass the request on; one that is cancelled before its answer has begun is answered by the handler."""
        if scope["type"] != "http" or (task := asyncio.current_task()) is None:
            await self.app(scope, receive, send)
            return
        begun = False

        async def noted(message: Message) -> None:
            nonlocal begun
            begun = True
            await send(message)

        self.answering.add(task)
        try:
            await self.app(scope, receive, noted)
        except asyncio.CancelledError:
            if begun:
                raise
            response = await self.handler(Request(scope))
            await response(scope, receive, send)
        finally:
            self.answering.discard(task)


PART = 2**18
"""Bytes."""


class Parts:
    """Sends a large body in parts: sent at once, all of it is copied while nobody else is answered."""

    def __init__(self, app: ASGIApp) -> None:
        self.app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass the request on, and what comes back, ``PART`` bytes at a time."""

        async def in_parts(message: Message) -> None:
            body = message.get("body", b"")
            sent = 0
            while len(body) - sent > PART:
                await send({"type": message["type"], "body": body[sent : sent + PART], "more_body": True})
                sent += PART
            await send({**message, "body": body[sent:]} if sent else message)

        await self.app(scope, receive, in_parts)


POLICY = {
    # Scripts and styles are files of ours; pictures are also drawn from what was sent and received.
    "Content-Security-Policy": "default-src 'self'; img-src 'self' blob: data:; media-src 'self' blob:; "
    "object-src 'none'; base-uri 'none'; form-action 'self'; frame-ancestors 'none'",
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "no-referrer",
    "Permissions-Policy": "camera=(self), microphone=(), geolocation=()",
}


class Policy:
    """Tells browsers what the page may do: nothing from elsewhere, no code in the page itself, in nobody's frame."""

    def __init__(self, app: ASGIApp) -> None:
        self.app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass the request on, adding the headers to the reply."""

        async def with_headers(message: Message) -> None:
            if message["type"] == "http.response.start":
                MutableHeaders(scope=message).update(POLICY)
            await send(message)

        await self.app(scope, receive, with_headers)
