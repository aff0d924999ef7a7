"""The WebSocket protocol (docs/protocol.md), over a WebSocket."""

import asyncio
import io
import json
import re
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, contextmanager
from itertools import pairwise

import pytest
import uvicorn
from PIL import ExifTags, Image

from dynamicnet import DynamicNetError, package
from dynamicnet.client import Session
from server.app import create_app
from server.sessions.protocol import Open
from server.sessions.session import Opening
from server.sessions.session import Session as ServerSession
from server.settings import Settings


class Client(Session):
    """One that also says what nobody should."""

    def send(self, message: dict | str | bytes) -> None:
        self.connection.send(json.dumps(message) if isinstance(message, dict) else message)


@pytest.fixture
def dial(server):
    """Connects clients, and hangs up after the test."""
    with ExitStack() as stack:

        def dial(**options) -> Client:
            return stack.enter_context(Client(server, **options))

        yield dial


@pytest.fixture
def client(dial) -> Client:
    return dial()


@pytest.fixture(scope="module")
def image(photo) -> bytes:
    return photo.read_bytes()


def some_alpha(model: dict, share: float) -> dict[str, float]:
    return {axis["id"]: share * axis["range"][1] for axis in model["axes"]}


def test_a_picture_opens(client, models, image):
    ready = client.open(image, model=models[-1]["id"], max_side=90, seq=7)
    timings = ready.pop("timings")
    assert ready == {
        "type": "ready",
        "version": 2,
        "seq": 7,
        "model": models[-1]["id"],
        "width": 90,
        "height": 60,
        "columns": 1,
        "notes": [],
        "axes": models[-1]["axes"],
    }
    assert set(timings) == {"decode", "prepare"}


def test_ready_says_what_is_not_as_one_expects_of_the_file(client, image):
    (note,) = client.open(image[: len(image) * 19 // 20], max_side=64)["notes"]
    assert "rows are missing" in note


@pytest.mark.parametrize("kind", ["png", "jpeg", "webp"])
def test_a_frame_carries_its_seq_its_alpha_and_a_picture(client, models, image, kind):
    client.open(image, format=kind, max_side=90)
    value = 0.5 * models[0]["axes"][0]["range"][1]  # a bare number is for the first axis
    header, picture = client.render(value)
    assert set(header.pop("timings")) == {"render", "encode"}
    first, *others = (axis["id"] for axis in models[0]["axes"])
    assert header == {
        "frame": 1,
        "seq": 1,
        "exact": True,
        "alpha": {first: value} | dict.fromkeys(others, 0),
        "width": 90,
        "height": 60,
        "format": kind,
        "notes": [],
    }
    opened = Image.open(io.BytesIO(picture))
    assert (opened.size, opened.format) == ((90, 60), kind.upper())


def test_frames_are_what_infer_returns(client, http, models, image):
    client.open(image, format="png", max_side=120)
    axis = models[0]["axes"][0]
    for alpha in (0, axis["range"][1], {axis["id"]: [0] + [axis["range"][1]] * (len(axis["blocks"]) - 1)}):
        fields = {"alpha": json.dumps(alpha), "max_side": 120}
        assert client.render(alpha)[1] == http.post("/infer", files={"image": image}, data=fields).content


def test_auto_is_answered_with_the_alpha_that_was_found(client, models, image):
    painters = [model for model in models if model["axes"][0]["id"] == "strength" and "detail" in model["takes"]]
    model = min(painters, key=lambda model: model["id"])
    client.open(image, model=model["id"], max_side=120)
    header, _ = client.render("auto")
    assert -1 < header["alpha"]["strength"] < 1
    client.set({"nothing": "auto"})
    assert client.receive()["code"] == "alpha-unknown-axis"


def test_a_position_is_the_alpha_that_the_manifest_gives_it(client, models, image):
    model = next(model for model in models if model["axes"][0]["even"])
    first, *others = model["axes"]
    client.open(image, model=model["id"], max_side=120)
    client.set_position(0.25)
    *_, (header, _) = client.frames()
    assert header["alpha"] == {first["id"]: pytest.approx(first["even"][5])} | dict.fromkeys(
        [a["id"] for a in others], 0
    )
    client.set_position({first["id"]: 2})
    assert client.receive()["code"] == "position-out-of-range"


def test_the_latest_alpha_wins(client, models, image):
    client.open(image)
    for step in range(50):
        last = client.set(some_alpha(models[0], step / 50))
    headers = [header for header, _ in client.frames()]
    assert (headers[-1]["seq"], headers[-1]["exact"]) == (last, True)
    moving = [header["seq"] for header in headers[:-1]]
    assert moving == sorted(set(moving))
    assert len(moving) < 25
    assert headers[-1]["alpha"] == some_alpha(models[0], 49 / 50)


def test_the_exact_frame_comes_however_the_events_fall(client, models, photo):
    big = io.BytesIO()
    Image.open(photo).resize((1200, 800)).save(big, "JPEG")
    client.open(big.getvalue())
    client.render(0)
    for wait in (0, 0.01, 0.02, 0.03, 0.05, 0.07, 0.1, 0.15):  # the second α comes at another moment each time
        client.set(some_alpha(models[0], 0.5))
        time.sleep(wait)
        client.render(some_alpha(models[0], 1))


def test_a_client_that_acknowledges_nothing_is_sent_one_frame(client, models, image):
    client.open(image)
    for step in range(20):
        last = client.set(some_alpha(models[0], step / 20))
        time.sleep(0.05)
    first = client.connection.recv(timeout=30)
    with pytest.raises(TimeoutError):
        client.connection.recv(timeout=1)
    client.send({"type": "ack", "frame": 1})
    assert isinstance(first, bytes)
    assert client.receive()[0]["seq"] == last  # the newest, whatever was asked for in between


def test_previews_while_the_slider_moves_then_the_exact_frame(client, models, photo):
    big = io.BytesIO()
    Image.open(photo).resize((1500, 1000)).save(big, "JPEG")
    ready = client.open(big.getvalue())
    client.render(0)
    for step in range(15):
        last = client.set(some_alpha(models[0], step / 15))
        time.sleep(0.03)
    *previews, exact = (header for header, _ in client.frames())
    assert previews
    assert all(header["width"] < ready["width"] for header in previews)
    assert all(abs(header["width"] / header["height"] - 1.5) < 0.05 for header in previews)
    assert (exact["seq"], exact["width"], exact["height"]) == (last, ready["width"], ready["height"])
    client.set(0)  # nothing else was on its way
    assert client.receive()[0]["seq"] == last + 1


def test_a_preview_whose_hole_would_leave_nothing_is_shown_at_the_pictures_own_size(client, photo):
    model = next(folder for folder in package.find(Settings().weights) if "mend" in folder.name)
    files, lines = {}, Image.new("L", (600, 400))
    for row in range(0, 400, 4):
        lines.paste(255, (0, row, 600, row + 1))
    for name, picture in (("image", Image.open(photo).resize(lines.size)), ("mask", lines)):
        out = io.BytesIO()
        picture.save(out, "PNG")
        files[name] = out.getvalue()
    client.open(model=model.name, **files)
    client.render(0)
    for step in range(1, 6):
        last = client.set(step / 5)
        time.sleep(0.1)
    *shown, exact = (header for header, _ in client.frames())  # and no error among them
    assert all(header["width"] > 300 for header in shown), "at half the size nothing is left of such lines"
    assert (exact["seq"], exact["width"], exact["exact"]) == (last, 600, True)


def test_another_model_renders_the_same_picture(client, models, image):
    pictures = set()
    for number, model in enumerate(models):
        ready = client.open(*([] if number else [image]), model=model["id"], max_side=90, reuse=number > 0)
        assert (ready["model"], ready["axes"]) == (model["id"], model["axes"])
        pictures.add(client.render(some_alpha(model, 1))[1])
    assert len(pictures) == len(models)


def test_seeds_are_opened_without_a_file_and_reused(client, http):
    maker = next((m for m in http.get("/models").json()["models"] if "seed" in m["takes"]), None)
    if maker is None:
        pytest.skip("no model in weights/ takes seeds")
    ready = client.open(model=maker["id"], seed="1,2,3", format="png")
    assert (ready["type"], ready["columns"], ready["width"]) == ("ready", 2, ready["height"])
    header, picture = client.render(some_alpha(maker, 1))
    assert (header["width"], header["exact"]) == (ready["width"], True)
    fields = {"model": maker["id"], "seed": "1,2,3", "alpha": json.dumps(some_alpha(maker, 1)), "format": "png"}
    assert picture == http.post("/infer", data=fields).content
    assert client.open(reuse=True, model=maker["id"])["columns"] == 2
    latent = json.dumps([0.5] * package.load(Settings().weights / maker["id"]).net.network.latent)
    assert client.open(reuse=True, model=maker["id"], latent=latent)["columns"] == 1
    assert client.open(reuse=True, model=maker["id"], seed="4,5")["columns"] == 2


def test_a_picture_is_looked_at_as_it_is_read_then_opened_without_being_sent_again(client, models):
    exif = Image.Exif()
    exif[ExifTags.Base.Orientation] = 6
    turned = io.BytesIO()
    Image.effect_noise((400, 200), 60).convert("RGB").save(turned, "JPEG", exif=exif)
    client.send({"type": "look", "seq": 5, "max_side": 100, "format": "png"})
    client.send(turned.getvalue()[: int(0.9 * len(turned.getvalue()))])
    header, picture = client.receive()
    assert re.search("cut off: the last .*% of its rows are missing", header.pop("notes")[0])
    sizes = {"width": 50, "height": 100, "full": [200, 400]}
    assert header == {"original": True, "seq": 5, "format": "png"} | sizes
    assert Image.open(io.BytesIO(picture)).size == (50, 100)
    client.set(0)
    assert client.receive()["code"] == "picture-not-open"
    ready = client.open(reuse=True, max_side=100)
    assert (ready["width"], ready["height"]) == (50, 100)
    client.render(some_alpha(models[0], 1))


def test_a_frame_says_what_its_format_has_no_room_for(client):
    clear = io.BytesIO()
    Image.new("RGBA", (64, 48), (255, 0, 0, 99)).save(clear, "PNG")
    for format, notes in (("jpeg", 1), ("png", 0)):  # noqa: A001
        client.open(clear.getvalue(), format=format)
        assert len(client.render(0).header["notes"]) == notes


def test_an_original_keeps_its_transparency(client):
    clear = io.BytesIO()
    Image.new("RGBA", (64, 48), (255, 0, 0, 99)).save(clear, "PNG")
    for asked, kind in (("jpeg", "PNG"), ("webp", "WEBP")):
        client.send({"type": "look", "format": asked})
        client.send(clear.getvalue())
        header, picture = client.receive()
        opened = Image.open(io.BytesIO(picture))
        assert (header["format"], opened.format, opened.mode) == (kind.lower(), kind, "RGBA")
        assert opened.getpixel((9, 9))[3] == 99


def test_opening_drops_the_alpha_that_waits(client, models, image):
    client.open(image)
    for _ in range(3):
        client.set(0)
    client.send({"type": "open", "reuse": True, "max_side": 64})
    answers = [client.receive()]
    while isinstance(answers[-1], tuple):
        answers.append(client.receive())
    assert answers[-1]["type"] == "ready"
    assert len(answers) < 4
    header, _ = client.render(some_alpha(models[0], 1))  # the next thing to come
    assert header["width"] == 64


def test_two_sessions_at_once_each_get_their_own(dial, models, image):
    def drag(side: int, model: dict) -> set[tuple[int, bool]]:
        client = dial()
        client.open(image, max_side=side, model=model["id"])
        headers = [client.render(some_alpha(model, step / 10))[0] for step in range(10)]
        return {(header["width"], set(header["alpha"]) == {axis["id"] for axis in model["axes"]}) for header in headers}

    with ThreadPoolExecutor() as pool:
        seen = list(pool.map(drag, (64, 96), (models[0], models[-1])))
    assert seen == [{(64, True)}, {(96, True)}]


@pytest.mark.long
def test_many_sessions_sliding_at_once_each_get_their_turn(dial, models, image):
    # Callers have equal time; no frame here costs over twice as much as another. Those of one model would run as one.
    chosen = [model for model in models if model["application"] == "style"]
    clients = [dial() for _ in chosen]
    for client, model in zip(clients, chosen, strict=True):
        client.open(image, max_side=256, model=model["id"])
    shown = [0] * len(clients)
    when_one_was_done = []

    def slide(number: int) -> None:
        for step in range(20):
            clients[number].set(some_alpha(chosen[number], step / 20))
            while clients[number].receive()[0]["seq"] != step + 1:
                pass
            shown[number] += 1
        when_one_was_done.append(list(shown))

    with ThreadPoolExecutor(len(clients)) as pool:
        list(pool.map(slide, range(len(clients))))
    assert shown == [20] * len(clients)
    assert min(when_one_was_done[0]) >= 5  # of 20: turns, taken by threads of a client that has other things to do


def test_a_client_that_reads_nothing_holds_nobody_up(dial, models, image):
    slow, quick = dial(), dial()
    for client in (slow, quick):
        client.open(image, max_side=128)
    slow.set(some_alpha(models[0], 1))  # its frame is never acknowledged
    for step in range(30):
        last = slow.set(some_alpha(models[0], step / 30))
        quick.render(some_alpha(models[0], step / 30))
    seqs = [slow.receive()[0]["seq"]]  # the one that was on its way
    while seqs[-1] != last:
        seqs.append(slow.receive()[0]["seq"])
    assert len(seqs) <= 3


def test_a_drag_shows_ever_newer_alphas_and_ends_with_the_last_exactly(client, models, photo):
    big = io.BytesIO()
    Image.open(photo).resize((900, 600)).save(big, "JPEG")
    client.open(big.getvalue())
    headers = []

    def show() -> None:
        while not headers or (headers[-1]["seq"], headers[-1]["exact"]) != (120, True):
            headers.append(client.receive()[0])

    with ThreadPoolExecutor(1) as pool:
        shown = pool.submit(show)
        for step in range(120):
            client.set(some_alpha(models[0], (step + 1) / 120))
            time.sleep(1 / 60)
        shown.result(60)
    seqs = [header["seq"] for header in headers[:-1]]
    assert seqs == sorted(seqs)
    for before, after in pairwise(headers):
        assert before["seq"] < after["seq"] or (not before["exact"] and after["exact"])
    assert headers[-1]["alpha"] == some_alpha(models[0], 1)


# Nonsense

OPEN = {"type": "open", "max_side": 64}
NONSENSE = {
    "not json": ("{alpha", "message-not-json"),
    "not an object": ("[1, 2]", "message-not-json"),
    "empty": ("", "message-not-json"),
    "deep": ("[" * 60_000, "message-not-json"),
    "long": (json.dumps({"type": "alpha", "seq": 999, "alpha": [0] * 30_000}), "message-too-long"),
    "no type": ({"seq": 999, "alpha": 0.5}, "type-invalid"),
    "unknown type": ({"type": "dance", "seq": 999}, "type-invalid"),
    "type of another kind": ({"type": ["open"], "seq": 999}, "type-invalid"),
    "no seq": ({"type": "alpha", "alpha": 0.5}, "seq-invalid"),
    "seq in words": ({"type": "alpha", "seq": "nine", "alpha": 0.5}, "seq-invalid"),
    "seq true": ({"type": "alpha", "seq": True, "alpha": 0.5}, "seq-invalid"),
    "seq of the past": ({"type": "alpha", "seq": 0, "alpha": 0.5}, "seq-not-increasing"),
    "no alpha": ({"type": "alpha", "seq": 999}, "alpha-invalid"),
    "alpha in words": ({"type": "alpha", "seq": 999, "alpha": "much"}, "alpha-invalid"),
    "alpha true": ({"type": "alpha", "seq": 999, "alpha": True}, "alpha-invalid"),
    "alpha null": ({"type": "alpha", "seq": 999, "alpha": None}, "alpha-invalid"),
    "alpha nested": ({"type": "alpha", "seq": 999, "alpha": [[0.5]]}, "alpha-invalid"),
    "alpha nan": ('{"type": "alpha", "seq": 999, "alpha": NaN}', "alpha-not-finite"),
    "alpha beyond floats": ('{"type": "alpha", "seq": 999, "alpha": 1' + "0" * 400 + "}", "alpha-invalid"),
    "alpha out of range": ({"type": "alpha", "seq": 999, "alpha": 5}, "alpha-out-of-range"),
    "alpha of the wrong length": ({"type": "alpha", "seq": 999, "alpha": [0.1] * 40}, "alpha-wrong-length"),
    "alpha of no axis": ({"type": "alpha", "seq": 999, "alpha": {"\ud800": 0.5}}, "alpha-unknown-axis"),
    "a field too many": ({"type": "alpha", "seq": 999, "alpha": 0, "colour": 1}, "field-unknown"),
    "an ack of nothing": ({"type": "ack", "seq": 999}, "frame-invalid"),
    "a picture nobody asked for": (b"\0" * 100, "picture-not-expected"),
}
BAD_OPENS = {
    "unknown model": ({"model": "no-such-model"}, None, "model-unknown"),
    "bad format": ({"format": "bmp"}, None, "format-invalid"),
    "bad quality": ({"quality": 500}, None, "quality-invalid"),
    "bad max_side": ({"max_side": 1}, None, "max-side-invalid"),
    "unknown files": ({"files": ["sound"]}, None, "files-invalid"),
    "a file twice": ({"files": ["where", "where"], "reuse": True}, None, "files-invalid"),
    "a seed nobody takes": ({"seed": "1"}, None, "field-not-taken"),
    "no picture": ({}, b"", "picture-missing"),
    "not a picture": ({}, b"hello", "picture-unreadable"),
    "an upload too large": ({}, b"\0" * 64_000_001, "upload-too-large"),
    "a look at nothing": ({"type": "look"}, b"", "picture-missing"),
    "a look in a model": ({"type": "look", "model": "any"}, None, "field-unknown"),
}


@pytest.fixture(scope="module")
def lasting(server, image):
    """One session that every piece of nonsense is sent to."""
    with Client(server) as client:
        client.open(image, max_side=64)
        client.render(0)
        yield client


@pytest.mark.parametrize("case", NONSENSE)
def test_nonsense_is_answered_and_the_session_goes_on(lasting, case):
    message, code = NONSENSE[case]
    lasting.send(message)
    error = lasting.receive()
    assert (error["type"], error["code"]) == ("error", code), error
    assert error["message"]
    if isinstance(message, dict):
        assert error.get("seq") == (message.get("seq") if type(message.get("seq")) is int else None)
    lasting.render(0)


@pytest.mark.parametrize("case", BAD_OPENS)
def test_a_bad_open_is_answered_once_and_the_session_goes_on(lasting, image, case):
    fields, picture, code = BAD_OPENS[case]
    lasting.send({**OPEN, "seq": 3, **fields})
    lasting.send(image if picture is None else picture)
    error = lasting.receive()
    assert (error["type"], error["code"]) == ("error", code), error
    lasting.open(image, max_side=64)
    lasting.render(0)


def test_alpha_and_reuse_need_a_picture(client, image):
    client.set(0)
    assert client.receive()["code"] == "picture-not-open"
    client.send({"type": "open", "reuse": True})
    assert client.receive()["code"] == "picture-not-open"
    client.open(image, max_side=64)
    client.render(0)


def test_going_through_frames_a_refusal_is_raised_and_what_waits_still_comes(client, models, image):
    client.open(image)
    client.set(some_alpha(models[0], 0.5))
    seen = []
    for wrong, code in ((99, "alpha-out-of-range"), ("much", "alpha-invalid")):
        client.set(wrong)
        with pytest.raises(DynamicNetError) as refusal:
            seen.extend(client.frames())
        assert refusal.value.code == code
    seen.extend(client.frames())
    assert seen[-1].header["exact"]
    assert seen[-1].header["alpha"] == some_alpha(models[0], 0.5)


def test_a_refused_alpha_does_not_replace_the_one_that_waits(client, models, image):
    client.open(image)
    client.set(0)
    good = client.set(some_alpha(models[0], 0.5))
    bad = client.set(99)
    answers = [client.receive() for _ in range(3)]
    assert [answer["seq"] for answer in answers if isinstance(answer, dict)] == [bad]
    assert [answer[0]["seq"] for answer in answers if isinstance(answer, tuple)] == [1, good]


# Leaving


@pytest.mark.long
def test_when_a_client_leaves_what_waits_for_it_is_dropped(image):
    with counted() as (url, rendered), Client(url) as other:
        other.open(image, max_side=65)
        with Client(url) as client:
            client.open(image, max_side=64)
            other.set(1)
            time.sleep(0.2)  # the device is busy with somebody else's picture now
            client.set(0)
            time.sleep(0.2)
        other.receive()
        other.render(0.5)
        assert rendered[0] == 1
        assert 0 not in rendered


def test_what_is_opened_next_does_not_wait_for_a_frame_of_what_was_open(image):
    with counted() as (url, rendered), Client(url) as other, Client(url) as client:
        other.open(image, max_side=65)
        client.open(image, max_side=64)
        other.set(1)
        time.sleep(0.2)
        client.set(0)  # its frame stands in line
        time.sleep(0.2)
        client.send({"type": "open", "reuse": True, "max_side": 66})
        assert client.receive()["type"] == "ready"
        assert client.render(0.25)[0]["width"] == 66
        assert 0 not in rendered


def test_what_is_done_as_another_opening_comes_is_not_shown():
    session = ServerSession(None, None, Settings())

    async def made() -> str:
        return "made"

    async def use() -> str | None:
        waiting = asyncio.create_task(session._while_wanted(made()))
        await asyncio.sleep(0)
        await asyncio.sleep(0)  # it is made, and nobody has looked
        session._open_next(Opening(Open(type="open"), None, {}, {}))
        return await waiting

    assert asyncio.run(use()) is None


@contextmanager
def counted():
    """A server in this process, so that what its engine renders can be counted."""
    app = create_app(Settings())
    server = uvicorn.Server(uvicorn.Config(app, port=0, log_level="error"))
    thread = threading.Thread(target=server.run)
    thread.start()
    try:
        while not server.started:
            time.sleep(0.05)
        port = server.servers[0].sockets[0].getsockname()[1]
        yield f"http://127.0.0.1:{port}", _slow_renders(app.state.engine)
    finally:
        server.should_exit = True
        thread.join()


def _slow_renders(engine) -> list[float]:
    """Have every render take α seconds, and note it."""
    rendered = []
    for model in engine.models.values():

        def render(batch, real=model.rendering):
            rendered.extend(next(iter(alpha.values())) for _, alpha in batch)
            time.sleep(rendered[-1])
            return real(batch)

        model.rendering = render
    return rendered
