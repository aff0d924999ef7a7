"""Who may come in, and how many at once."""

import asyncio
from collections import Counter
from collections.abc import Coroutine, Iterator
from contextlib import contextmanager
from hmac import compare_digest
from typing import Any, TypeVar

from fastapi import Request
from starlette.requests import HTTPConnection

from dynamicnet import DynamicNetError
from server.engine import callers
from server.settings import Settings

GONE = 499
"""What proxies log of a client that hung up; the standards have no status for what nobody reads."""

T = TypeVar("T")


class Admission:
    """Counts requests and sessions, and knows the keys. All methods are for one event loop."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._requests = 0
        self._sessions: Counter[str] = Counter()  # by address

    @property
    def requests(self) -> int:
        """How many are worked on, or wait for it."""
        return self._requests

    @property
    def sessions(self) -> int:
        """How many are open."""
        return self._sessions.total()

    def check_key(self, connection: HTTPConnection, *, in_query: bool = False) -> None:
        """Ask for a key: as ``Authorization: Bearer`` or, where a browser opens a WebSocket, ``?key=``.

        Raises:
            DynamicNetError: ``key-needed``.
        """
        if not self._settings.keys:
            return
        scheme, _, given = connection.headers.get("authorization", "").partition(" ")
        if scheme.lower() != "bearer":
            given = connection.query_params.get("key", "") if in_query else ""
        # All of them, so that the time taken says nothing.
        if not sum(compare_digest(given.encode(), key.encode()) for key in self._settings.keys):
            raise DynamicNetError("key-needed", "Send a key that this server knows as Authorization: Bearer.", 401)

    def check_origin(self, connection: HTTPConnection) -> None:
        """Let pages of this server, and of origins named in the settings, open sessions; programs send no origin.

        A page that asks why it was refused says its origin as ``?origin=``: browsers send none with a plain GET.

        Raises:
            DynamicNetError: ``origin-refused``.
        """
        origin = connection.headers.get("origin") or connection.query_params.get("origin")
        host = connection.headers.get("host", "")
        if origin is None or origin in self._settings.origins or origin.partition("://")[2] == host:
            return
        origin = origin[:80]
        raise DynamicNetError(
            "origin-refused",
            f"Pages of {origin} may not open sessions on {host[:80]}. Have the proxy in front of the server pass the "
            f"Host header on, or set DYNAMICNET_ORIGINS={origin}.",
            403,
        )

    def check_room(self) -> None:
        """See that one more request could be worked on.

        Raises:
            DynamicNetError: ``overloaded``.
        """
        if self._requests >= self._settings.max_waiting:
            raise _overloaded("requests wait")

    @contextmanager
    def request(self) -> Iterator[None]:
        """One more request is worked on.

        Raises:
            DynamicNetError: ``overloaded``.
        """
        self.check_room()
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
        callers.begin(self._settings.waiting_seconds)
        doing, watching = asyncio.create_task(work), asyncio.create_task(_hung_up(request))
        try:
            await asyncio.wait((doing, watching), return_when=asyncio.FIRST_COMPLETED)
            if doing.done():
                return await doing
            watching.result()  # or what is wrong with what it sends
            raise DynamicNetError("client-gone", "The client hung up.", GONE)
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
