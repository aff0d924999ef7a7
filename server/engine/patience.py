"""How long a request stands in line before it is told so; what is worked on for it is finished."""

import asyncio
import math
import time
from collections.abc import Awaitable
from contextvars import ContextVar
from dataclasses import dataclass

from dynamicnet import DynamicNetError


@dataclass
class Patience:
    """What is left of one request's.

    Attributes:
        seconds: at first. left: of them.
    """

    seconds: float
    left: float


_patience: ContextVar[Patience] = ContextVar("patience")


def have(seconds: float) -> None:
    """Give what is asked for from here on, in this task and those it creates, so many seconds in lines altogether."""
    _patience.set(Patience(seconds, seconds))


async def stand_in_line(turn: Awaitable[object]) -> None:
    """Wait for one's turn; a session has all the time there is.

    Raises:
        DynamicNetError: ``waited-too-long``.
    """
    patience = _patience.get(None) or Patience(math.inf, math.inf)
    begun = time.monotonic()
    try:
        async with asyncio.timeout(None if math.isinf(patience.left) else patience.left):
            await turn
    except TimeoutError:
        raise DynamicNetError(
            "waited-too-long",
            f"This stood in line for {patience.seconds:g} seconds, behind other requests; try again in a moment.",
            503,
        ) from None
    finally:
        patience.left -= time.monotonic() - begun
