"""Who may come in, and how many at once."""

import asyncio
from collections import Counter
from collections.abc import Coroutine, Iterator
from contextlib import contextmanager
from hmac import compare_digest
from typing import Any, TypeVar
from urllib.parse import urlsplit

from fastapi import Request
from starlette.requests import HTTPConnection

from dynamicnet import DynamicNetError
from server.engine import patience
from server.settings import Settings

T = TypeVar("T")


class Admission:
    """Counts requests and sessions, and knows the keys. All methods are for one event loop."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._requests = 0
        self._sessions: Counter[str] = Counter()  # by address

    @property
    def sessions(self) -> int:
        """How many are open."""
        return self._sessions.total()

    def check_key(self, connection: HTTPConnection) -> None:
        """Ask for a key: as ``Authorization: Bearer``, or ``?key=`` where a browser opens a WebSocket.

        Raises:
            DynamicNetError: ``key-needed``.
        """
        if not self._settings.keys:
            return
        scheme, _, given = connection.headers.get("authorization", "").partition(" ")
        if scheme.lower() != "bearer":
            given = connection.query_params.get("key", "") if connection.scope["type"] == "websocket" else ""
        # All of them, so that the time taken says nothing.
        if not sum(compare_digest(given.encode(), key.encode()) for key in self._settings.keys):
            raise DynamicNetError("key-needed", "Send a key that this server knows as Authorization: Bearer.", 401)

    def check_origin(self, connection: HTTPConnection, asked: str | None = None) -> None:
        """Let pages of this server, and of origins named in the settings, open sessions; programs send no origin.

        Args:
            connection: which.
            asked: the origin of a page that asks beforehand.

        Raises:
            DynamicNetError: ``origin-refused``.
        """
        origin = asked or connection.headers.get("origin")
        if origin is None or origin in self._settings.origins:
            return
        host = connection.headers.get("host", "")
        if urlsplit(origin).netloc != host:
            raise DynamicNetError(
                "origin-refused",
                f"A page of {origin[:80]} may not open a session: what came here was for {host[:80]}. Have what stands "
                f"before the server pass Host on as it is, or set DYNAMICNET_ORIGINS={origin[:80]}.",
                403,
            )

    @contextmanager
    def request(self) -> Iterator[None]:
        """One more request is worked on.

        Raises:
            DynamicNetError: ``overloaded``.
        """
        if self._requests >= self._settings.max_waiting:
            raise _overloaded("requests wait")
        self._requests += 1
        try:
            yield
        finally:
            self._requests -= 1

    async def in_time(self, request: Request, work: Coroutine[Any, Any, T]) -> T:
        """Do work for a request whose body has been read; give it up when it waits too long or the client hangs up.

        Raises:
            DynamicNetError: ``waited-too-long``, or ``client-gone``, which nobody reads.
        """
        patience.have(self._settings.waiting_seconds)
        doing, watching = asyncio.create_task(work), asyncio.create_task(_hung_up(request))
        try:
            await asyncio.wait((doing, watching), return_when=asyncio.FIRST_COMPLETED)
            if doing.done():
                return await doing
            raise DynamicNetError("client-gone", "The client hung up.", 400)
        finally:
            doing.cancel()
            watching.cancel()

    @contextmanager
    def session(self, address: str) -> Iterator[None]:
        """One more session of an address is open.

        Raises:
            DynamicNetError: ``overloaded``.
        """
        if self.sessions >= self._settings.max_sessions:
            raise _overloaded("sessions are open")
        if self._sessions[address] >= self._settings.max_sessions_per_address:
            raise _overloaded("sessions are open from your address")
        self._sessions[address] += 1
        try:
            yield
        finally:
            self._sessions[address] -= 1
            self._sessions += Counter()  # forget addresses that have none


class Rate:
    """Lets messages through at a rate, a second's worth at once."""

    def __init__(self, per_second: int) -> None:
        self._step = 1 / per_second
        self._due = 0.0

    async def wait(self) -> None:
        """Wait until the next may pass."""
        now = asyncio.get_running_loop().time()
        self._due = max(self._due, now - 1) + self._step
        await asyncio.sleep(max(0.0, self._due - now))


async def _hung_up(request: Request) -> None:
    while (await request.receive())["type"] != "http.disconnect":
        pass


def _overloaded(what: str) -> DynamicNetError:
    return DynamicNetError("overloaded", f"Too many {what} already; try again in a moment.", 503)
