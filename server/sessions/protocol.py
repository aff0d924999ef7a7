"""The messages of /ws, version 2; docs/protocol.md is the same for people."""

import json
import struct
from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field, TypeAdapter, ValidationError, field_validator

from dynamicnet import DynamicNetError
from dynamicnet.pictures import MIN_SIDE
from server.http.errors import from_validation

VERSION = 2
MAX_TEXT = 65_536
"""Longest JSON message, in characters."""

Number = Annotated[float, Field(strict=True)]
Auto = Literal["auto"]
FileName = Literal["image", "mask", "where"]
Text = Annotated[str, Field(strict=True, min_length=1)]
Seq = Annotated[int, Field(strict=True, ge=0, le=2**53 - 1)]


class _Message(BaseModel):
    model_config = ConfigDict(extra="forbid")


class Shown(_Message):
    """How large a picture is to be, and in what file."""

    seq: Seq | None = None
    max_side: Annotated[int, Field(strict=True, ge=MIN_SIDE)] | None = None
    format: Literal["png", "jpeg", "webp"] = "jpeg"
    quality: Annotated[int, Field(strict=True, ge=1, le=100)] = 85


class Look(Shown):
    """Show the picture that is the next binary message as it is read, and keep it to be reused."""

    type: Literal["look"]


class Open(Shown):
    """Open something in a model; the files it names are the next binary messages, in that order."""

    type: Literal["open"]
    model: str | None = None
    detail: Annotated[int, Field(strict=True, ge=MIN_SIDE)] | None = None
    reuse: Annotated[bool, Field(strict=True)] = False
    files: Annotated[list[FileName], Field(max_length=3)] | None = None
    seed: Text | None = None
    latent: Text | None = None

    @field_validator("files")
    @classmethod
    def _once(cls, files: list[FileName] | None) -> list[FileName] | None:
        if files and len(set(files)) < len(files):
            raise ValueError("a file may be there once")
        return files


class SetAlpha(_Message):
    """Render the picture at α."""

    type: Literal["alpha"]
    seq: Seq
    alpha: Auto | Number | list[Number] | dict[str, Auto | Number | list[Number]]


class SetPosition(_Message):
    """Render the picture at the α of a position of an even slider."""

    type: Literal["position"]
    seq: Seq
    position: Number | list[Number] | dict[str, Number | list[Number]]


class Ack(_Message):
    """A frame has come; the next may be sent."""

    type: Literal["ack"]
    frame: Seq


Message = Look | Open | SetAlpha | SetPosition | Ack

_KINDS = "a number, a list of numbers, one for each insertion point, or an object with either for each axis"
WHERE = {"alpha-invalid": f'{_KINDS}; "auto" for a number', "position-invalid": _KINDS}
"""What says where to render, by the code of what says it wrongly."""

_message: TypeAdapter[Message] = TypeAdapter(Annotated[Message, Field(discriminator="type")])


def read(text: str) -> dict[str, Any]:
    """A text message as JSON.

    Raises:
        DynamicNetError: ``message-too-long`` or ``message-not-json``.
    """
    if len(text) > MAX_TEXT:
        raise DynamicNetError(
            "message-too-long", f"A text message may have at most {MAX_TEXT} characters; this one has {len(text)}."
        )
    try:
        message = json.loads(text)
    except (ValueError, RecursionError):
        message = None
    if not isinstance(message, dict):
        raise DynamicNetError("message-not-json", "A text message must be a JSON object.")
    return message


def announced(message: dict[str, Any]) -> list[Any]:
    """The files that follow a message, understood or not: a picture, unless it says otherwise or reuses it."""
    if message.get("type") == "look":
        return ["image"]
    files = message.get("files")
    if isinstance(files, list):
        return files
    return [] if message.get("reuse") else ["image"]


def understand(message: dict[str, Any]) -> Message:
    """JSON as one of the messages.

    Raises:
        DynamicNetError: ``type-invalid``, or a code such as ``quality-invalid`` that names the field.
    """
    if message.get("type") not in ("look", "open", "alpha", "position", "ack"):
        raise DynamicNetError("type-invalid", 'The type of a message is "look", "open", "alpha", "position" or "ack".')
    try:
        return _message.validate_python(message)
    except ValidationError as error:
        problem = from_validation(error.errors())
        # Of several kinds of value, pydantic's sentence is about one alone.
        if problem.code in WHERE and error.errors()[0]["type"] != "missing":
            field = problem.code.removesuffix("-invalid")
            raise DynamicNetError(problem.code, f"{field}: {WHERE[problem.code]}.") from None
        raise problem from None


def frame(header: dict[str, Any], picture: bytes) -> bytes:
    """A binary message to the client: the header's length (4 bytes, big-endian), the header, the picture file."""
    head = json.dumps(header, separators=(",", ":")).encode()
    return struct.pack(">I", len(head)) + head + picture
