"""A client of the server: a session over its WebSocket, as docs/protocol.md has it.

::

    with Session("http://localhost:8000") as session:
        session.open(Path("photo.jpg").read_bytes(), model="starry-night", max_side=640)
        session.set(0.6)
        for header, picture in session.frames():
            ...  # a frame of the newest α or, while it moves, a preview
"""

import json
import struct
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager, suppress
from typing import Any, Literal, NamedTuple, Self, TypedDict, Unpack, cast

import httpx
from websockets.exceptions import ConnectionClosed, InvalidStatus
from websockets.sync.client import connect

from dynamicnet.errors import DynamicNetError

Number = float | Sequence[float]
Found = Number | Literal["auto"]
Alpha = Found | Mapping[str, Found]
"""α of the first axis, or by axis id: a number, one for each insertion point, or ``auto``."""


class Options(TypedDict, total=False):
    """How something is opened; what is left out is the server's choice.

    Attributes:
        model: id of a model; the first of /models if left out.
        seed: whole numbers with commas between; a picture is made of each.
        latent: in place of seeds, JSON: a list of numbers, or a list of such lists.
        max_side: shrink the picture so that its longer side is at most so many pixels.
        detail: longer side that a style works at, in pixels.
        format: of the frames.
        quality: of JPEG and WebP, 1 to 100.
        reuse: take what is not brought from what was opened last.
    """

    model: str
    seed: str
    latent: str
    max_side: int
    detail: int
    format: Literal["png", "jpeg", "webp"]
    quality: int
    reuse: bool


class Ready(TypedDict):
    """What the server says of what is open now."""

    version: int
    model: str
    width: int
    height: int
    columns: int
    notes: list[str]
    axes: list[dict[str, Any]]
    timings: dict[str, float]


class Header(TypedDict):
    """What a frame says of itself; ``seq`` is what :meth:`Session.set` returned."""

    frame: int
    seq: int
    exact: bool
    alpha: dict[str, Number]
    timings: dict[str, float]
    width: int
    height: int
    format: str
    notes: list[str]


class Frame(NamedTuple):
    """A frame: its header, and the picture file."""

    header: Header
    picture: bytes


def unpack(message: bytes) -> Frame:
    """The frame in a binary message of the server."""
    (length,) = struct.unpack_from(">I", message)
    return Frame(json.loads(message[4 : 4 + length]), message[4 + length :])


def models(url: str) -> list[dict[str, Any]]:
    """What the server at an address has, as in /models: each with its ``id``, what it ``takes`` and its ``axes``.

    Raises:
        DynamicNetError: the server refused to say.
        httpx.TransportError: it cannot be reached.
    """
    reply = httpx.get(f"{url.rstrip('/')}/models")
    if reply.is_error:
        raise _refusal(reply.status_code, reply.content)
    return cast("list[dict[str, Any]]", reply.json()["models"])


class Session:
    """A session: a picture is opened once, and rendered for the newest α for as long as one likes.

    One thread may :meth:`set` α while another goes through :meth:`frames`.

    Attributes:
        connection: the connection, for what is not here.
    """

    def __init__(self, url: str, *, key: str | None = None, timeout: float = 60, **options: Any) -> None:  # noqa: ANN401
        """Connect.

        Args:
            url: of the server's page, such as ``https://example.org/dynamic-net``.
            key: one of ``DYNAMICNET_KEYS``, where the server asks for one.
            timeout: seconds that anything of the server is waited for.
            options: more for :func:`websockets.sync.client.connect`.

        Raises:
            DynamicNetError: the server refused the connection: ``key-needed``, ``overloaded`` and the like.
            OSError: it cannot be reached.
        """
        if key is not None:
            options["additional_headers"] = {"Authorization": f"Bearer {key}"}
        address = f"{url.rstrip('/').replace('http', 'ws', 1)}/ws"  # of https, wss
        self._ends = ExitStack()
        try:
            self.connection = self._ends.enter_context(connect(address, max_size=None, **options))
        except InvalidStatus as error:
            raise _refusal(error.response.status_code, bytes(error.response.body)) from None
        self._timeout = timeout
        self._seq = 0
        self._settled = 0  # the newest α whose exact frame came
        self._refused: set[int] = set()  # those after it that were refused
        self._farewell = DynamicNetError(
            "connection-lost",
            "The connection was closed. If that was while a file was sent, it may be larger than the server takes.",
        )

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """Hang up."""
        self._ends.close()

    def open(
        self,
        image: bytes | None = None,
        *,
        mask: bytes | None = None,
        where: bytes | None = None,
        **options: Unpack[Options],
    ) -> Ready:
        """Open a picture, seeds, or a picture with a hole in a model, and wait until it is.

        Args:
            image: a picture file.
            mask: another, white where the picture has a hole.
            where: another, white where the result is seen in full, black where the picture stays as it is.
            options: more of what is to be opened, and how.

        Raises:
            DynamicNetError: it cannot be opened; or, as in all that follow, ``connection-lost``.
        """
        given = {"image": image, "mask": mask, "where": where}
        files = {name: file for name, file in given.items() if file is not None}
        for name, file in files.items():
            if not isinstance(file, bytes | bytearray | memoryview):
                raise TypeError(
                    f"{name} is a picture file's bytes, such as Path('photo.jpg').read_bytes(): got {file!r:.80}"
                )
        self._settle(self._seq)  # the server drops what was asked for
        self._say(type="open", files=list(files), **options)
        for file in files.values():
            self._send(file)
        while isinstance(message := self.receive(), Frame) or (message["type"] == "error" and "seq" in message):
            pass  # it is of what was open before
        if message["type"] == "error":
            raise DynamicNetError(message["code"], message["message"])
        return cast("Ready", message)

    def set(self, alpha: Alpha) -> int:
        """Ask for α, in place of what was asked for before and has not been begun; a frame's ``seq`` tells it again."""
        return self._ask(type="alpha", alpha=alpha)

    def set_position(self, position: Number | Mapping[str, Number]) -> int:
        """The same by the position of a slider whose equal steps look equal, from 0 (low end) to 1 (high end)."""
        return self._ask(type="position", position=position)

    def frames(self) -> Iterator[Frame]:
        """Frames as they come, until the exact one of the newest α, which may be set anew meanwhile.

        Raises:
            DynamicNetError: an α that was set is refused, or the session was left idle.
            TimeoutError: nothing came.
        """
        while self._seq - self._settled > len(self._refused):
            message = self.receive()
            if isinstance(message, Frame):
                yield message
            else:
                raise DynamicNetError(message["code"], message["message"])

    def render(self, alpha: Alpha) -> Frame:
        """The exact frame of an α.

        Raises:
            DynamicNetError: as :meth:`frames`.
        """
        self.set(alpha)
        *_, last = self.frames()
        return last

    def receive(self) -> Frame | dict[str, Any]:
        """The next message: a frame, which is acknowledged, or what the server says in JSON.

        Raises:
            TimeoutError: there is none.
        """
        with self._connected():
            message = self.connection.recv(self._timeout)
        if isinstance(message, str):
            said: dict[str, Any] = json.loads(message)
            if said["type"] == "error" and self._settled < said.get("seq", 0) <= self._seq:
                self._refused.add(said["seq"])
            return said
        frame = unpack(message)
        if "frame" in frame.header:  # else it is an original
            self._say(type="ack", frame=frame.header["frame"])
            if frame.header["exact"]:
                self._settle(frame.header["seq"])
        return frame

    def _settle(self, seq: int) -> None:
        self._settled = seq
        self._refused = {refused for refused in self._refused if refused > seq}

    def _ask(self, **message: object) -> int:
        self._say(**message, seq=self._seq + 1)
        self._seq += 1
        return self._seq

    def _say(self, **message: object) -> None:
        self._send(json.dumps(message, default=_plain))

    def _send(self, message: str | bytes) -> None:
        with self._connected():
            self.connection.send(message)

    @contextmanager
    def _connected(self) -> Iterator[None]:
        """Where the connection is closed, raise what the server said last, if it did."""
        try:
            yield
        except ConnectionClosed:
            with suppress(ConnectionClosed, TimeoutError):
                while True:
                    said = self.connection.recv(0)
                    if isinstance(said, str) and "code" in (message := json.loads(said)):
                        self._farewell = DynamicNetError(message["code"], message["message"])
            raise self._farewell from None


def _plain(value: object) -> object:
    """A number or numbers of NumPy or PyTorch, as Python's."""
    if not hasattr(value, "tolist"):
        raise TypeError(f"{value!r:.80} is no number.")
    return value.tolist()


def _refusal(status: int, body: bytes) -> DynamicNetError:
    """What a problem document says; a reply that is none is of a proxy."""
    try:
        problem = json.loads(body)
        return DynamicNetError(problem["code"], problem["detail"], status)
    except (ValueError, KeyError, TypeError):
        return DynamicNetError(
            "request-refused", f"The server answered {status}, in a form that this client does not know.", status
        )
