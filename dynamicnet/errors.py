"""The one error a person can cause, and the sentence that tells them what to do."""

from collections.abc import Mapping
from typing import Any


def reason(error: Exception) -> str:
    """What went wrong, for people: of the operating system's errors without number and path."""
    return (error.strerror if isinstance(error, OSError) else None) or str(error)


def quoted(text: str, most: int = 60) -> str:
    """The beginning of what a person sent, in quotes, as far as it can be printed."""
    return f"'{printable(text[:most])}'"


def printable(text: str) -> str:
    """The same text with � for what cannot be printed, or encoded, such as names of files in another encoding."""
    return "".join(letter if letter.isprintable() else "\N{REPLACEMENT CHARACTER}" for letter in text)


def complaint(error: Mapping[str, Any]) -> str:
    """What pydantic says of a value; where one of our checks refused it, that check's sentence alone."""
    return str(error["msg"]).removeprefix("Value error, ")


class DynamicNetError(Exception):
    """A request that cannot be served as it stands.

    Attributes:
        code: a stable word for programs, for example ``alpha-out-of-range``.
        message: one sentence for people, saying what is wrong and what to do.
        status: the HTTP status the server answers with; the command line prints ``message``.
    """

    def __init__(self, code: str, message: str, status: int = 422) -> None:
        super().__init__(message)
        self.code = code
        self.message = message
        self.status = status

    def __reduce__(self) -> tuple[type["DynamicNetError"], tuple[str, str, int]]:
        """For pickle: decoders raise them in a process of their own."""
        return type(self), (self.code, self.message, self.status)
