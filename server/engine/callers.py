"""Who asks for work: turns are taken between callers, and a request has only so much patience."""

import asyncio
import math
import time
from collections.abc import Awaitable
from contextvars import ContextVar
from dataclasses import dataclass

from dynamicnet import DynamicNetError

WAITED = "waited-too-long"
"""The code of the error of whoever stood in line for longer than it had patience."""


@dataclass(eq=False)
class Caller:
    """A request, or a session.

    Attributes:
        patience: seconds it may stand in lines altogether. left: of them.
        had: seconds of the device that it has had, and those that it came too late for.
    """

    patience: float = math.inf
    left: float = math.inf
    had: float = 0.0

    def stood(self, before: float, begun: float) -> None:
        """It was in a line since some moment, with so much patience then; in several at once, maybe."""
        self.left = min(self.left, before - (time.monotonic() - begun))


_caller: ContextVar[Caller] = ContextVar("caller")


def begin(patience: float = math.inf) -> None:
    """What is asked for from here on, in this task and those it creates, is one caller's."""
    _caller.set(Caller(patience, patience))


def current() -> Caller:
    """Who asks; somebody else each time where nobody has begun."""
    return _caller.get(None) or Caller()


async def stand_in_line(turn: Awaitable[object]) -> None:
    """Wait for one's turn; a session has all the time there is.

    Raises:
        DynamicNetError: ``waited-too-long``.
    """
    caller = current()
    before, begun = caller.left, time.monotonic()
    try:
        async with asyncio.timeout(None if math.isinf(caller.left) else caller.left):
            await turn
    except TimeoutError:
        raise DynamicNetError(
            WAITED,
            f"This stood in line for {caller.patience:g} seconds, behind other requests; try again in a moment.",
            503,
        ) from None
    finally:
        caller.stood(before, begun)
