"""WS /ws: one picture or some seeds, one slider, a frame for the latest α (docs/protocol.md). GET /ws: why not."""

import asyncio
import json
import logging
import time
from collections.abc import AsyncIterator, Coroutine, Iterator
from contextlib import asynccontextmanager, contextmanager, suppress
from dataclasses import dataclass, field, replace
from typing import Any, TypeVar, cast

from fastapi import APIRouter, Request, WebSocket, WebSocketDisconnect
from PIL import Image
from starlette.requests import HTTPConnection
from starlette.types import Message

from dynamicnet import DynamicNetError, Inputs, Model
from dynamicnet.method.alpha import Typed, at_position
from dynamicnet.method.auto import Auto, automatic
from dynamicnet.pictures import lost
from server.engine import callers
from server.engine.engine import AxisValues, Engine, Opened, Timings
from server.http.dependencies import AdmissionDep, EngineDep, SettingsDep
from server.http.errors import nothing_at, problem
from server.http.schemas import sliders
from server.operations.admission import Admission, Rate
from server.sessions import protocol
from server.sessions.debounce import Debounce
from server.sessions.preview import Pace
from server.settings import Settings

log = logging.getLogger(__name__)

T = TypeVar("T")

router = APIRouter()

OF_LATENTS = {"seed", "latent"}
"""Fields that say the same in two ways."""


@router.websocket("/ws")
async def ws(websocket: WebSocket, engine: EngineDep, settings: SettingsDep, admission: AdmissionDep) -> None:
    """Serve one client until it leaves; who may not come in is answered as over HTTP."""
    try:
        with _let_in(websocket, admission), suppress(WebSocketDisconnect):  # it left before it was told something
            await websocket.accept()
            await Session(websocket, engine, settings).serve()
    except DynamicNetError as error:
        await _refuse(websocket, error)


@router.get("/ws", include_in_schema=False)
async def why(request: Request, admission: AdmissionDep) -> None:
    """Say why a WebSocket was refused, which browsers do not tell their pages."""
    # Not status 426, which comes with an Upgrade header, which breaks HTTP/2 behind proxies that leave it in.
    with _let_in(request, admission):
        sentence = "Sessions are opened by WebSocket; have the proxy in front of the server pass WebSockets on."
        raise DynamicNetError("websocket-needed", sentence, 400)


@router.websocket("/{path:path}")
async def elsewhere(websocket: WebSocket) -> None:
    """Say that there is nothing there, as over HTTP."""
    await _refuse(websocket, DynamicNetError("path-unknown", nothing_at(websocket.url.path), 404))


async def _refuse(websocket: WebSocket, error: DynamicNetError) -> None:
    """Answer as over HTTP, and count it."""
    websocket.app.state.metrics.errors.labels(error.code).inc()
    await websocket.send_denial_response(problem(error.status, error.code, error.message))


@contextmanager
def _let_in(connection: HTTPConnection, admission: Admission) -> Iterator[None]:
    """Have a place for a session.

    Raises:
        DynamicNetError: ``key-needed``, ``origin-refused`` or ``overloaded``; the log has it too.
    """
    address = connection.client.host if connection.client else ""
    try:
        admission.check_key(connection, in_query=True)
        admission.check_origin(connection)
        with admission.session(address):
            yield
    except DynamicNetError as error:
        log.warning("A session was refused to %s: %s", address, error.message)
        raise


@dataclass(frozen=True)
class Opening:
    """Something to be opened, or looked at: what was sent with the message, and before it where that is reused."""

    asked: protocol.Shown
    model: Model | None  # none, to be looked at
    sent: dict[str, Any]
    kept: dict[str, Any]

    def inputs(self, max_pixels: int) -> Inputs:
        """What was kept for another model, and this one has no use for, stays out of the way."""
        kept = {name: value for name, value in self.kept.items() if self.model and name in self.model.application.takes}
        if OF_LATENTS & self.sent.keys():  # of which one is sent
            kept = {name: value for name, value in kept.items() if name not in OF_LATENTS}
        asked = self.asked
        detail = asked.detail if isinstance(asked, protocol.Open) else None
        return Inputs(**kept | self.sent, max_side=asked.max_side, detail=detail, max_pixels=max_pixels)


@dataclass(frozen=True)
class View:
    """Something opened in a model."""

    asked: protocol.Shown
    opened: Opened
    previews: dict[float, Opened] = field(default_factory=dict)  # by level, so that no frame looks at the file again


class Session:
    """One client: a reader that notes what is wanted, and a worker that does the latest of it.

    Only the latest picture and the latest α wait. The worker does one thing at a time, and begins a frame when the
    client has acknowledged the last, so neither a slow device nor a slow client makes work pile up.
    """

    def __init__(self, websocket: WebSocket, engine: Engine, settings: Settings) -> None:
        self._websocket = websocket
        self._engine = engine
        self._settings = settings
        self._due: list[str] = []  # files of the last open that have not come
        self._arriving: Opening | None = None  # that open; None if it was refused
        self._latest: Opening | None = None  # its model checks α, what it holds may be reused
        self._seq = -1  # of the latest α accepted
        self._next_opening: Opening | None = None
        self._next_alpha: tuple[int, AxisValues, Auto | None] | None = None
        self._owed: tuple[int, AxisValues] | None = None  # shown as a preview, exact when the slider rests
        self._frame = 0  # the last one sent
        self._acknowledged = 0  # the last one that came
        self._pace = Pace()
        self._debounce = Debounce()
        self._news = asyncio.Event()
        self._making: asyncio.Task[Any] | None = None  # what is made of the latest picture; not the sending of it
        self._view: View | None = None

    async def serve(self) -> None:
        """Read messages until the client leaves, then drop what waits."""
        callers.begin()
        worker = asyncio.create_task(self._work())
        rate = Rate(self._settings.max_messages)
        try:
            while (message := await self._receive())["type"] == "websocket.receive":
                await rate.wait()
                if message.get("text") is not None:
                    await self._read_text(message["text"])
                else:
                    async with self._errors_reported():
                        self._take_file(message["bytes"])
        finally:
            worker.cancel()
            with suppress(asyncio.CancelledError, WebSocketDisconnect):
                await worker

    async def _receive(self) -> Message:
        try:
            async with asyncio.timeout(self._settings.idle_seconds):
                return await self._websocket.receive()
        except TimeoutError:
            self._count("session-idle")
            sentence = "Nothing was asked for in a long while; open a session again when there is."
            await self._send({"type": "error", "code": "session-idle", "message": sentence})
            await self._websocket.close(1001)
            return {"type": "websocket.disconnect"}

    async def _read_text(self, text: str) -> None:
        async with self._errors_reported():
            message = protocol.read(text)
            if message.get("type") in ("look", "open"):
                self._due, self._arriving = protocol.announced(message), None
            async with self._errors_reported(message.get("seq")):
                match protocol.understand(message):
                    case protocol.Look() as asked:
                        self._arriving = Opening(asked, None, {}, {})
                    case protocol.Open() as asked:
                        self._ask(asked)
                    case protocol.SetAlpha() | protocol.SetPosition() as alpha:
                        await self._take_alpha(alpha)
                    case protocol.Ack() as ack:
                        self._acknowledged = max(self._acknowledged, ack.frame)
                        self._news.set()

    def _ask(self, asked: protocol.Open) -> None:
        model = self._engine.model(asked.model)
        kept: dict[str, Any] = {}
        if asked.reuse:
            if self._latest is None:
                raise DynamicNetError("picture-not-open", "There is nothing to reuse; open something first.")
            kept = self._latest.kept | self._latest.sent
        sent = {name: text for name, text in (("seed", asked.seed), ("latent", asked.latent)) if text is not None}
        self._arriving = Opening(asked, model, sent, kept)
        if not self._due:
            self._open_next(self._arriving)

    def _take_file(self, data: bytes) -> None:
        if not self._due:
            raise DynamicNetError("picture-not-expected", "A picture must follow an open message.")
        name = self._due.pop(0)
        if self._arriving is None:
            return
        limit = self._settings.max_upload_bytes
        if len(data) > limit:
            self._arriving = None
            raise DynamicNetError(
                "upload-too-large", f"The picture is over {limit / 1e6:g} MB; send a smaller one.", 413
            )
        self._arriving.sent[name] = data
        if not self._due:
            self._open_next(self._arriving)

    def _open_next(self, opening: Opening) -> None:
        self._latest = self._next_opening = opening
        self._next_alpha = self._owed = None  # they were for the picture before
        if self._making is not None:
            self._making.cancel()
        self._news.set()

    async def _take_alpha(self, message: protocol.SetAlpha | protocol.SetPosition) -> None:
        if self._latest is None or self._latest.model is None:
            raise DynamicNetError("picture-not-open", "There is nothing to render; open a picture first.")
        if message.seq <= self._seq:
            raise DynamicNetError("seq-not-increasing", f"seq must grow; got {message.seq} after {self._seq}.")
        model = self._latest.model
        if isinstance(message, protocol.SetPosition):
            alpha: Typed = at_position(message.position, model.manifest.axes)
        else:
            alpha = message.alpha
        named, auto = automatic(alpha, model.manifest.axes)
        values = await self._engine.check(model, named)
        self._seq, self._next_alpha = message.seq, (message.seq, values, auto)
        self._debounce.moved(asyncio.get_running_loop().time())
        self._news.set()

    async def _work(self) -> None:
        while True:
            if self._next_opening is not None:
                opening, self._next_opening = self._next_opening, None
                async with self._errors_reported(opening.asked.seq):
                    await self._open(opening)
            elif self._next_alpha is not None and self._acknowledged >= self._frame:
                (seq, values, auto), self._next_alpha = self._next_alpha, None
                async with self._errors_reported(seq):
                    settled = await self._while_wanted(self._settled(values, auto))
                    if settled is not None:
                        await self._render(seq, settled, moving=True)
            elif self._owed is not None and self._next_alpha is None:
                if await self._rests():
                    (seq, values), self._owed = self._owed, None
                    async with self._errors_reported(seq):
                        await self._render(seq, values, moving=False)
            else:
                await self._hear()

    async def _while_wanted(self, work: Coroutine[Any, Any, T]) -> T | None:
        """Do what is for the picture of now, and leave it for another that is to be opened: None then."""
        self._making = making = asyncio.create_task(work)
        try:
            made = await making
            return None if self._next_opening is not None else made  # it may have come when this was done
        except asyncio.CancelledError:
            if self._next_opening is None or cast(asyncio.Task[None], asyncio.current_task()).cancelling():
                raise  # the session ends
            return None
        finally:
            self._making = None

    async def _rests(self) -> bool:
        """Wait until the slider rests and the last frame has come; False if it moves before."""
        with suppress(TimeoutError):
            async with asyncio.timeout_at(self._debounce.rests_at):
                while not self._wants_else():
                    await self._hear()
        while self._acknowledged < self._frame and not self._wants_else():
            await self._hear()
        return not self._wants_else()

    def _wants_else(self) -> bool:
        return self._next_opening is not None or self._next_alpha is not None

    async def _hear(self) -> None:
        self._news.clear()
        await self._news.wait()

    async def _open(self, opening: Opening) -> None:
        self._view = None
        inputs = opening.inputs(self._settings.max_pixels)
        if opening.model is None:
            await self._show(opening.asked, inputs)
            return
        timings: Timings = {}
        opened = await self._while_wanted(self._engine.open(opening.model, inputs, timings))
        if opened is None:
            return
        self._view = View(opening.asked, opened.resting)
        self._pace = Pace()
        width, height = opened.size
        await self._send(
            {
                "type": "ready",
                "version": protocol.VERSION,
                **_echo(opening.asked.seq),
                "model": opening.model.id,
                "width": width,
                "height": height,
                "columns": opened.columns,
                "notes": opened.notes,
                "axes": [axis.model_dump(mode="json") for axis in sliders(opening.model.manifest)],
                "timings": timings,
            }
        )

    async def _show(self, asked: protocol.Shown, inputs: Inputs) -> None:
        """Send a picture as it was read."""
        read = await self._engine.look(inputs)
        picture = read.picture
        format = "png" if picture.mode == "RGBA" and asked.format == "jpeg" else asked.format  # noqa: A001
        encoded = await self._engine.encode(picture, format, asked.quality, {})
        header = {
            "original": True,
            **_echo(asked.seq),
            "width": picture.width,
            "height": picture.height,
            "full": read.size,
            "notes": read.notes,
            "format": format,
        }
        await self._websocket.send_bytes(protocol.frame(header, encoded))

    async def _settled(self, values: AxisValues, auto: Auto | None) -> AxisValues:
        return await self._engine.settle(self._view.opened, values, auto) if self._view else values

    async def _render(self, seq: int, values: AxisValues, *, moving: bool) -> None:
        if self._view is None:
            raise DynamicNetError("picture-not-open", "What was sent could not be opened; open something else.")
        level = self._level(self._view.opened) if moving else 1.0
        asked = self._view.asked
        self._owed = None
        timings: Timings = {}
        made = await self._while_wanted(self._made(self._view, level, values, timings))
        if made is None:
            return
        picture, encoded, milliseconds = made
        if level < 1:
            self._owed = (seq, values)
        self._pace.note(level, milliseconds)
        self._frame += 1
        header = {
            "frame": self._frame,
            "seq": seq,
            "alpha": values,
            "exact": level == 1,
            "timings": timings,
            "width": picture.width,
            "height": picture.height,
            "format": asked.format,
            "notes": lost(picture, asked.format),
        }
        await self._websocket.send_bytes(protocol.frame(header, encoded))

    async def _made(
        self, view: View, level: float, values: AxisValues, timings: Timings
    ) -> tuple[Image.Image, bytes, float]:
        """A frame, as a picture and a file, and its milliseconds, without those of opening a preview."""
        opened = await self._preview(view, level) if level < 1 else view.opened
        begun = time.perf_counter()
        picture = await self._engine.render(opened, values, timings)
        encoded = await self._engine.encode(picture, view.asked.format, view.asked.quality, timings)
        return picture, encoded, (time.perf_counter() - begun) * 1000

    async def _preview(self, view: View, level: float) -> Opened:
        """What is open, opened smaller."""
        if level not in view.previews:
            inputs = replace(view.opened.inputs, max_side=round(max(view.opened.size) * level))
            try:
                view.previews[level] = (await self._engine.open(view.opened.model, inputs, {})).resting
            except DynamicNetError as error:
                if error.status != 422:
                    raise
                view.previews[level] = view.opened  # a hole may leave nothing of a small picture
        return view.previews[level]

    def _level(self, opened: Opened) -> float:
        """How large the next frame may be, of what can be made smaller."""
        if "max_side" not in opened.model.application.takes:
            return 1.0
        return self._pace.choose(min(opened.size))

    @asynccontextmanager
    async def _errors_reported(self, seq: object = None) -> AsyncIterator[None]:
        """Tell the client what went wrong, and carry on."""
        try:
            yield
        except WebSocketDisconnect:
            raise
        except DynamicNetError as error:
            self._count(error.code)
            await self._send({"type": "error", "code": error.code, "message": error.message, **_echo(seq)})
        except Exception:
            log.exception("A session's request failed")
            self._count("internal-error")
            sentence = "Something went wrong here; the server's log says what."
            await self._send({"type": "error", "code": "internal-error", "message": sentence, **_echo(seq)})

    def _count(self, code: str) -> None:
        self._websocket.app.state.metrics.errors.labels(code).inc()

    async def _send(self, message: dict[str, Any]) -> None:
        await self._websocket.send_text(json.dumps(message))


def _echo(seq: object) -> dict[str, int]:
    """The seq of the message that is answered, if it had a usable one."""
    return {"seq": seq} if type(seq) is int else {}
