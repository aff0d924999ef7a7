"""What Ray Serve's proxies do when a replica is lost that was at a request (docs/scaling.md)."""

from collections.abc import Iterator

from starlette.middleware import Middleware
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from server.http.errors import problem

ATTEMPTS = 3


class Retry:
    """Asks again, and another replica answers: every request here may be done twice.

    The proxy alone would answer 500. A reply that has begun is not begun again; it breaks off.
    """

    def __init__(self, app: ASGIApp) -> None:
        self.app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass the request on, until there is an answer or nobody waits for one."""
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        read: list[Message] = []
        begun = gone = False

        async def noted(message: Message) -> None:
            nonlocal begun
            begun = True
            await send(message)

        for _ in range(ATTEMPTS):
            earlier = iter(read.copy())

            async def replayed(earlier: Iterator[Message] = earlier) -> Message:
                nonlocal gone
                if (message := next(earlier, None)) is None:
                    message = await receive()
                    read.append(message)
                    gone = message["type"] == "http.disconnect"
                return message

            await self.app(dict(scope), replayed, noted)
            if begun or gone:
                return
        sentence = "The machine that was at this was lost; try again in a moment."
        await problem(503, "replica-lost", sentence)(scope, receive, send)


def middlewares() -> list[Middleware]:
    """For ``RAY_SERVE_HTTP_PROXY_CALLBACK_IMPORT_PATH``."""
    return [Middleware(Retry)]
