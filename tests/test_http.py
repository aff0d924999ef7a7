"""The HTTP API, over HTTP."""

import asyncio
import io
import json
import re
import statistics
import struct
import threading
import time
import zlib
from contextlib import nullcontext

import httpx
import numpy as np
import pytest
import torch
from conftest import DEVICE, ELSEWHERE, running_server
from PIL import ExifTags, Image
from starlette.responses import Response

from dynamicnet import Inputs, Model, package, pictures
from dynamicnet.applications import APPLICATIONS, FIELDS
from dynamicnet.method.pieces import finish
from dynamicnet.precision import autocast
from server.app import create_app
from server.http.filenames import disposition
from server.http.middleware import PART, Parts
from server.http.negotiate import choose_format
from server.http.thumbnails import QUALITY, SIDE
from server.settings import STATIC, Settings

PROBLEM = "application/problem+json"


def saved(picture: Image.Image, kind="PNG", **options) -> bytes:
    out = io.BytesIO()
    picture.save(out, kind, **options)
    return out.getvalue()


def opened(data: bytes) -> Image.Image:
    return Image.open(io.BytesIO(data))


def pixels(data: bytes) -> np.ndarray:
    return np.asarray(opened(data).convert("RGB"), dtype=np.int16)


def infer(http, image: bytes, headers=None, **fields) -> httpx.Response:
    return http.post("/infer", files={"image": image}, data=fields, headers=headers)


def rendered(http, image: bytes, **fields) -> bytes:
    response = infer(http, image, **fields)
    assert response.status_code == 200, response.text
    return response.content


@pytest.fixture(scope="module")
def small(photo) -> Image.Image:
    """A picture whose sides are no multiple of anything, so that padding shows."""
    return Image.open(photo).resize((101, 67))


# Rendering


@pytest.mark.parametrize("kind", ["png", "jpeg", "webp"])
def test_a_picture_comes_back_at_its_size_in_the_format_asked_for(http, small, kind):
    response = infer(http, saved(small), format=kind)
    picture = opened(response.content)
    assert (response.status_code, response.headers["content-type"]) == (200, f"image/{kind}")
    assert (picture.size, picture.format) == (small.size, kind.upper())


def test_max_side_shrinks_the_picture(http, photo):
    assert opened(rendered(http, photo.read_bytes(), max_side=90)).size == (90, 60)


def test_a_style_paints_the_same_picture_at_every_size_unless_asked_for_finer_strokes(http, models, photo):
    with Image.open(photo) as picture:
        sizes = [picture.resize((width, width * 2 // 3), Image.Resampling.LANCZOS) for width in (800, 1600)]

    def small(picture: Image.Image, **fields) -> np.ndarray:
        painted = opened(rendered(http, saved(picture), model="starry-night", alpha="0.6", **fields))
        assert painted.size == picture.size
        return np.asarray(painted.resize((400, 267), Image.Resampling.BOX), np.int16)

    one, other, finer = small(sizes[0]), small(sizes[1]), small(sizes[1], detail=10**400)
    assert np.abs(one - other).mean() < 5 < 12 < np.abs(one - finer).mean()


def test_quality_makes_a_difference(http, small):
    low, high = (rendered(http, saved(small), format="jpeg", quality=quality) for quality in (10, 95))
    assert len(low) < len(high)


def test_pixels_move_away_from_the_main_network_as_alpha_grows(http, models, photo):
    image, axis = photo.read_bytes(), models[0]["axes"][0]
    high = axis["range"][1]
    main, *tuned = (
        pixels(rendered(http, image, max_side=256, alpha=json.dumps({axis["id"]: share * high})))
        for share in (0, 0.25, 0.5, 0.75, 1)
    )
    distances = [np.abs(picture - main).mean() for picture in tuned]
    assert distances == sorted(distances)
    assert distances[0] > 0


def test_alpha_0_is_the_main_network(http, models, small):
    model = Model.load(Settings().weights / models[0]["id"], DEVICE)
    levels = model.encode(Inputs(image=saved(small))).batch
    z = inputs = model.net._pad(pictures.in_units(levels.to(model.device)))
    rendering = False  # in float32 before the first insertion point, in what precision renders have after it
    with torch.inference_mode():
        seen = finish(model.net.network.look(inputs))
        for stage in model.net.network.stages:
            with autocast(model.device) if rendering else nullcontext():
                z = model.net.network.run(stage, z, seen.get(stage))
            rendering = rendering or stage == model.net.first_point
    main = pictures.to_picture(z[..., : small.height, : small.width])
    assert np.abs(pixels(rendered(http, saved(small), alpha="0")) - np.asarray(main, np.int16)).max() <= 1


def test_auto_finds_an_alpha_of_its_own_for_each_picture(http, models):
    model = next(model for model in models if model["axes"][0]["id"] == "strength")
    chosen = []
    for name in ("chelsea", "rocket"):
        image = (STATIC / "samples" / f"{name}.jpg").read_bytes()
        reply = infer(http, image, model=model["id"], alpha="auto", max_side="256")
        assert reply.status_code == 200, reply.text
        chosen.append(json.loads(reply.headers["X-Dynamic-Net-Alpha"])["strength"])
        assert reply.content == infer(http, image, model=model["id"], alpha=str(chosen[-1]), max_side="256").content
    assert abs(chosen[0] - chosen[1]) > 0.02
    form = {"model": model["id"], "alpha": "auto", "max_side": "256"}
    spot = Image.new("L", (32, 32))
    spot.putpixel((16, 16), 255)
    reply = http.post("/infer", files={"image": image, "where": saved(spot)}, data=form)
    assert reply.status_code == 200, reply.text
    assert json.loads(reply.headers["X-Dynamic-Net-Alpha"])["strength"] == chosen[-1]
    two = next(model for model in models if len(model["axes"]) == 2 and "image" in model["takes"])
    first, second = (axis["id"] for axis in two["axes"])
    reply = infer(http, image, model=two["id"], alpha=json.dumps({first: 0.25, second: "auto"}), max_side="128")
    found = json.loads(reply.headers["X-Dynamic-Net-Alpha"])
    assert found[first] == 0.25
    assert 0 < found[second] <= 1


def test_a_position_is_the_alpha_that_the_manifest_gives_it(http, models, small):
    model = next(model for model in models if model["axes"][0]["even"])
    axis = model["axes"][0]
    knot = len(axis["even"]) // 4
    response = infer(http, saved(small), model=model["id"], position=str(knot / (len(axis["even"]) - 1)))
    assert json.loads(response.headers["x-dynamic-net-alpha"])[axis["id"]] == pytest.approx(axis["even"][knot])
    assert response.content == rendered(http, saved(small), model=model["id"], alpha=str(axis["even"][knot]))


def test_alpha_may_differ_by_insertion_point(http, models, small):
    points, high = len(models[0]["axes"][0]["blocks"]), models[0]["axes"][0]["range"][1]
    everywhere, listed, first = (
        rendered(http, saved(small), alpha=",".join(str(value) for value in values))
        for values in ([high], [high] * points, [high] + [0] * (points - 1))
    )
    assert listed == everywhere
    assert (first == everywhere) == (points == 1)


def test_the_photograph_stays_but_where_the_result_is_wanted(http, models, photo):
    everything, nothing = (Image.new("L", (50, 40), grey) for grey in (255, 0))
    left = everything.copy()
    left.paste(nothing.crop((0, 0, 25, 40)), (25, 0))
    model = next(model for model in models if model["id"] == "starry-night")
    high = model["axes"][0]["range"][1]
    picture = photo.read_bytes()
    untouched = opened(picture).convert("RGB")
    full = {"model": model["id"], "alpha": str(high), "detail": "256"}  # worked at 256, laid over the whole
    tuned = pixels(rendered(http, picture, **full))

    def post(where: bytes) -> httpx.Response:
        return http.post("/infer", files={"image": picture, "where": where}, data=full)

    def within(where: Image.Image) -> np.ndarray:
        return pixels(post(saved(where)).raise_for_status().content)

    assert np.array_equal(within(nothing), np.asarray(untouched))
    assert np.array_equal(within(everything), tuned)
    half, width = within(left), untouched.width
    assert np.array_equal(half[:, : width // 3], tuned[:, : width // 3])
    assert np.array_equal(half[:, -width // 3 :], np.asarray(untouched)[:, -width // 3 :])
    assert_problem(post(b"hello"), 415, "picture-unreadable")


def test_a_picture_has_a_name_that_is_safe_for_every_model():
    assert disposition("starry", {"strength": 0.6}, "png") == (
        "inline; filename=\"starry-0.6.png\"; filename*=UTF-8''starry-0.6.png"
    )
    assert '"heads-beard-0.5.png"' in disposition("heads", {"hair": 0.0, "beard": 0.5}, "png")
    assert '"heads-0.png"' in disposition("heads", {"hair": 0.0, "beard": [0.0, 0.0]}, "png")
    names = disposition('é"/\r\n', {"hair": 1.0, "beard": [0.5, -0.25]}, "webp")
    assert names == (
        'inline; filename="______-hair-1-beard-0.5_-0.25.webp"; '
        "filename*=UTF-8''%C3%A9%22%2F%0D%0A-hair-1-beard-0.5_-0.25.webp"
    ).replace("______", "_____")


def test_transparency_is_kept_where_the_reply_has_room_for_it(http, models, small):
    layered = small.convert("RGB")
    opacity = Image.linear_gradient("L").resize(small.size)
    layered.putalpha(opacity)
    mender = next(model["id"] for model in http.get("/models").json()["models"] if "mask" in model["takes"])
    mask = Image.new("L", small.size)
    mask.paste(255, (20, 20, 40, 40))
    filled = opacity.copy()
    filled.paste(255, mask=mask)
    for files, model, wanted in (
        ({"image": saved(layered)}, models[0]["id"], opacity),
        ({"image": saved(layered), "mask": saved(mask)}, mender, filled),
    ):

        def reply(kind: str, files=files, model=model) -> httpx.Response:
            return http.post("/infer", files=files, data={"model": model, "format": kind, "quality": 95})

        kept = reply("png")
        assert np.array_equal(np.asarray(opened(kept.content))[..., 3], np.asarray(wanted))
        assert np.array_equal(np.asarray(opened(reply("webp").content))[..., 3], np.asarray(wanted))
        flat = reply("jpeg")
        assert np.abs(pixels(flat.content) - np.asarray(pictures.read(kept.content), np.int16)).mean() < 4
        assert "no transparency" in flat.headers["x-dynamic-net-notes"]
        assert "x-dynamic-net-notes" not in kept.headers


def test_an_opacity_that_is_full_all_over_is_none(http, small):
    whole = infer(http, saved(small.convert("RGBA")), format="jpeg")
    assert "x-dynamic-net-notes" not in whole.headers
    assert opened(rendered(http, saved(small.convert("RGBA")), format="png")).mode == "RGB"


def test_a_sweep_puts_transparency_on_white(http, small):
    layered = small.convert("RGBA")
    layered.putalpha(0)
    for kind in ("webp", "gif", "png", "jpeg"):
        reply = http.post("/sweep", files={"image": saved(layered)}, data={"frames": 2, "format": kind})
        assert tuple(pixels(reply.content)[50, 50]) == (255, 255, 255)


TAG, IFD = ExifTags.Base, ExifTags.IFD
TEXTS = {TAG.Copyright: "© Jürgen", TAG.Artist: "Jane", TAG.Make: "Kodak", TAG.Model: "Brownie"}
WHEN = {TAG.DateTimeOriginal: "1999:12:31 23:59:59"}
PLACE = {ExifTags.GPS.GPSLatitudeRef: "N", ExifTags.GPS.GPSLatitude: (52.0, 30.0, 15.0)}


def described(picture: Image.Image, kind: str) -> bytes:
    """A photograph of which its file says a lot, lying on its side."""
    exif = Image.Exif()
    exif.update({tag: text.encode() for tag, text in TEXTS.items()} | {TAG.Software: "SECRET", TAG.Orientation: 6})
    exif.update({TAG.XResolution: 300, TAG.YResolution: 150, TAG.ResolutionUnit: 2})
    exif.get_ifd(IFD.Exif).update(WHEN | {TAG.UserComment: b"SECRET"})
    exif.get_ifd(IFD.GPSInfo).update(PLACE | {ExifTags.GPS.GPSAreaInformation: b"SECRET" * 999})
    return saved(picture, kind, exif=exif, dpi=(300, 150))


@pytest.mark.parametrize("kind", ["png", "jpeg", "webp"])
@pytest.mark.parametrize("sent", ["PNG", "JPEG", "WEBP"])
def test_metadata_is_kept_where_it_is_asked_for(http, small, sent, kind):
    for choice in ("keep", "keep,gps"):
        data = rendered(http, described(small, sent), format=kind, metadata=choice)
        assert b"SECRET" not in data
        exif = opened(data).getexif()
        assert {tag: exif[tag].encode("latin-1").decode() for tag in TEXTS} == TEXTS
        assert exif.get_ifd(IFD.Exif) == WHEN
        assert exif.get_ifd(IFD.GPSInfo) == (PLACE if choice == "keep,gps" else {})
        assert TAG.Orientation not in exif
        inches = (exif[TAG.XResolution], exif[TAG.YResolution])
        for resolution in (inches, opened(data).info.get("dpi", inches)):
            assert resolution == pytest.approx((150, 300), abs=0.02)  # it was turned
        assert opened(data).size == small.size[::-1]
    for fields in ({}, {"metadata": "none"}):
        clean = opened(rendered(http, described(small, sent), format=kind, **fields))
        assert dict(clean.getexif()) == {}
        assert "dpi" not in clean.info


def test_metadata_that_is_no_choice_is_refused(http, small):
    assert_problem(infer(http, saved(small), metadata="gps"), 422, "metadata-invalid")
    assert_problem(http.post("/sweep", files={"image": saved(small)}, data={"metadata": "keep"}), 422, "field-unknown")
    assert rendered(http, saved(small), metadata="keep,gps") == rendered(http, saved(small))  # nothing to keep


def test_without_alpha_every_axis_is_at_its_default(http, models, small):
    for model in models:
        defaults = {axis["id"]: axis["default"] for axis in model["axes"]}
        response = infer(http, saved(small), model=model["id"])
        assert json.loads(response.headers["x-dynamic-net-alpha"]) == defaults
        assert response.content == rendered(http, saved(small), model=model["id"], alpha=json.dumps(defaults))


@pytest.mark.parametrize("route", ["/infer", "/sweep"])
def test_what_is_not_as_one_expects_of_a_file_is_said_once(http, models, photo, route):
    first, *others = (Image.new("L", (64, 48), grey) for grey in (0, 99, 200))
    film = saved(first, "GIF", save_all=True, append_images=others)
    whole = photo.read_bytes()
    cut = whole[: len(whole) * 19 // 20]

    def notes(**files: bytes) -> list[str]:
        reply = http.post(route, files=files, data={"max_side": 64} | ({"frames": 2} if route == "/sweep" else {}))
        assert reply.status_code == 200, reply.text
        return json.loads(reply.headers.get("x-dynamic-net-notes", "[]"))

    frames = "The file holds 3 frames; the first was used."
    rows, *rest = notes(image=cut, where=film)
    assert ("rows are missing" in rows, rest) == (True, [frames])
    assert notes(image=film, where=film) == [frames]
    assert notes(image=whole) == []


def test_headers_say_what_was_rendered_and_what_it_took(http, models, small):
    model = models[-1]
    first, *others = (axis["id"] for axis in model["axes"])
    response = infer(http, saved(small), model=model["id"], alpha="0.25")
    assert response.headers["x-dynamic-net-model"] == model["id"]
    assert json.loads(response.headers["x-dynamic-net-alpha"]) == {first: 0.25} | dict.fromkeys(others, 0.0)
    metrics = response.headers["server-timing"].split(", ")
    durations = dict(re.fullmatch(r"(\w+);dur=(\d+\.\d)", metric).groups() for metric in metrics)
    assert list(durations) == ["decode", "prepare", "render", "encode"]
    assert float(durations["render"]) > 0
    assert response.headers["x-content-type-options"] == "nosniff"


def _kinds(rgb: Image.Image) -> dict[str, tuple[bytes, Image.Image]]:
    """Files of every kind, each with the RGB picture it should be taken for."""
    exif = Image.Exif()
    exif[0x0112] = 6  # shown turned a quarter clockwise
    grey = rgb.convert("L")
    deep = Image.fromarray(np.asarray(grey, np.uint16) * 257)
    palette = rgb.quantize(64)
    cmyk = saved(rgb.convert("CMYK"), "JPEG", quality=95)
    clear = rgb.copy()
    clear.putalpha(grey.point(lambda level: max(level, 40)))
    return {
        "exif": (saved(rgb.transpose(Image.Transpose.ROTATE_90), exif=exif), rgb),
        "rgba": (saved(clear), rgb),  # networks see it without its opacity, which the result takes on
        "grey": (saved(grey), grey.convert("RGB")),
        "16-bit": (saved(deep), grey.convert("RGB")),
        "palette": (saved(palette), palette.convert("RGB")),
        "cmyk": (cmyk, opened(cmyk).convert("RGB")),
    }


@pytest.mark.parametrize("kind", ["exif", "rgba", "grey", "16-bit", "palette", "cmyk"])
def test_every_kind_of_picture_is_taken_as_a_viewer_shows_it(http, small, kind):
    file, meant = _kinds(small)[kind]
    ours, wanted = (pixels(rendered(http, data, alpha="0.5", format="png")) for data in (file, saved(meant)))
    assert np.array_equal(ours, wanted)


# Negotiation


@pytest.mark.parametrize(
    ("accept", "kind"),
    [
        ("", "png"),
        ("*/*", "png"),
        ("image/*", "png"),
        ("image/webp", "webp"),
        ("IMAGE/JPEG", "jpeg"),
        ("image/webp;q=0.4, image/jpeg;q=0.6", "jpeg"),
        ("image/*;q=0.5, image/jpeg", "jpeg"),
        ("image/png;q=0, */*;q=0.1", "jpeg"),
        ("text/html, image/webp;q=0.2", "webp"),
        ("image/avif,image/webp,image/*,*/*;q=0.8", "png"),
        ("image/png;q=nonsense, image/webp;q=0.1", "webp"),
    ],
)
def test_accept_decides_the_format(accept, kind):
    assert choose_format(accept) == kind


def test_the_reply_is_negotiated_and_says_so(http, small):
    response = infer(http, saved(small), headers={"Accept": "image/webp, */*;q=0.5"})
    assert response.headers["content-type"] == "image/webp"
    assert "Accept" in response.headers["vary"].split(", ")
    assert infer(http, saved(small), headers={"Accept": "text/html"}, format="jpeg").status_code == 200


# Errors


def _png_of(width: int, height: int) -> bytes:
    """The beginning of a PNG that claims to be this large."""
    header = b"IHDR" + struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
    data = b"IDAT" + zlib.compress(b"\0" * 100)
    chunks = (struct.pack(">I", len(c) - 4) + c + struct.pack(">I", zlib.crc32(c)) for c in (header, data))
    return b"\x89PNG\r\n\x1a\n" + b"".join(chunks)


SMALL = saved(Image.new("RGB", (40, 40), "teal"))
NOISE = saved(Image.effect_noise((200, 200), 90), "JPEG")

BAD = {
    "not a picture": (b"hello", {}, 415, "picture-unreadable"),
    "an svg": (b"<svg xmlns='http://www.w3.org/2000/svg'/>", {}, 415, "picture-unreadable"),
    "cut off": (NOISE[: len(NOISE) // 2], {}, 422, "picture-unreadable"),
    "empty": (b"", {}, 422, "picture-missing"),
    "a bomb": (_png_of(60_000, 60_000), {}, 413, "picture-too-large"),
    "tiny": (saved(Image.new("RGB", (8, 8))), {}, 422, "picture-too-small"),
    "alpha nan": (SMALL, {"alpha": "nan"}, 422, "alpha-not-finite"),
    "alpha infinite": (SMALL, {"alpha": "-inf"}, 422, "alpha-not-finite"),
    "alpha huge": (SMALL, {"alpha": "1e300"}, 422, "alpha-not-finite"),
    "alpha out of range": (SMALL, {"alpha": "5"}, 422, "alpha-out-of-range"),
    "alpha of the wrong length": (SMALL, {"alpha": "0," * 30 + "0"}, 422, "alpha-wrong-length"),
    "alpha of no axis": (SMALL, {"alpha": '{"nothing": 0.5}'}, 422, "alpha-unknown-axis"),
    "alpha of a lone surrogate": (SMALL, {"alpha": '{"\\ud800": 0.5}'}, 422, "alpha-unknown-axis"),
    "alpha in bad json": (SMALL, {"alpha": '{"strength": '}, 422, "alpha-not-understood"),
    "alpha in words": (SMALL, {"alpha": "much"}, 422, "alpha-not-understood"),
    "alpha too long": (SMALL, {"alpha": "0," * 10_000}, 422, "alpha-invalid"),
    "a position left to us": (SMALL, {"position": "auto"}, 422, "position-out-of-range"),
    "an axis there is none of left to us": (SMALL, {"alpha": '{"colour": "auto"}'}, 422, "alpha-unknown-axis"),
    "a position beyond the slider": (SMALL, {"position": "1.01"}, 422, "position-out-of-range"),
    "a position in words": (SMALL, {"position": "far"}, 422, "position-not-understood"),
    "alpha and position": (SMALL, {"alpha": "0", "position": "0"}, 422, "alpha-and-position"),
    "alpha empty": (SMALL, {"alpha": ""}, 422, "field-empty"),
    "model unknown": (SMALL, {"model": "no-such-model"}, 404, "model-unknown"),
    "model empty": (SMALL, {"model": ""}, 422, "field-empty"),
    "format unknown": (SMALL, {"format": "bmp"}, 422, "format-invalid"),
    "quality 0": (SMALL, {"quality": "0"}, 422, "quality-invalid"),
    "quality 101": (SMALL, {"quality": "101"}, 422, "quality-invalid"),
    "quality in words": (SMALL, {"quality": "good"}, 422, "quality-invalid"),
    "max_side too small": (SMALL, {"max_side": "8"}, 422, "max-side-invalid"),
    "max_side not whole": (SMALL, {"max_side": "99.5"}, 422, "max-side-invalid"),
    "a field of no use": (SMALL, {"seed": "1"}, 422, "field-not-taken"),
    "a misspelt field": (SMALL, {"alhpa": "0.5"}, 422, "field-unknown"),
    "a field twice": (SMALL, {"alpha": ["0.1", "0.2"]}, 422, "field-repeated"),
    "an upload too large": (b"\0" * 64_000_001, {}, 413, "upload-too-large"),
}


def assert_problem(response: httpx.Response, status: int, code: str) -> None:
    problem = response.json()
    assert (response.status_code, problem["code"]) == (status, code), problem
    assert response.headers["content-type"] == PROBLEM
    assert problem["status"] == status
    assert set(problem) == {"type", "title", "status", "detail", "code"}
    assert problem["detail"]


@pytest.mark.parametrize("case", BAD)
def test_bad_input_is_refused_with_a_reason(http, case):
    image, fields, status, code = BAD[case]
    assert_problem(infer(http, image, **fields), status, code)


def test_an_unknown_model_is_answered_with_those_there_are(http, models):
    assert models[0]["id"] in infer(http, SMALL, model="no-such-model").json()["detail"]


def test_a_picture_that_is_missing_or_not_a_file_is_asked_for(http):
    assert_problem(http.post("/infer", data={"alpha": "0.5"}), 422, "picture-missing")
    assert_problem(http.post("/infer", data={"image": "photo.jpg"}), 422, "file-missing")
    assert_problem(http.post("/infer"), 422, "picture-missing")


def test_a_file_that_is_the_whole_body_is_told_what_to_send(http, photo):
    urlencoded = {"Content-Type": "application/x-www-form-urlencoded"}  # as curl --data-binary says
    assert_problem(http.post("/infer", content=photo.read_bytes(), headers=urlencoded), 415, "form-needed")


def test_text_that_is_sent_as_a_file_is_told_how(http):
    reply = http.post("/infer", data={"model": "drawn-heads"}, files={"latent": b"[1, 2]"})
    assert_problem(reply, 422, "field-is-text")
    assert "-F 'latent=<FILE'" in reply.json()["detail"]


def test_what_is_no_form_is_refused_as_that(http):
    for kind in ("application/json", "image/jpeg"):
        assert_problem(http.post("/infer", content=SMALL, headers={"Content-Type": kind}), 415, "form-needed")


def test_an_upload_of_unstated_length_is_cut_off_when_it_grows_too_large(http):
    def parts():
        yield b'--x\r\nContent-Disposition: form-data; name="image"; filename="a"\r\n\r\n'
        for _ in range(65):
            yield b"\0" * 1_000_000

    headers = {"Content-Type": "multipart/form-data; boundary=x"}
    assert_problem(http.post("/infer", content=parts(), headers=headers), 413, "upload-too-large")
    plain = {"Content-Type": "text/plain"}  # a body that no form is read from, nor anything
    assert_problem(http.post("/infer", content=b"\0" * 64_000_001, headers=plain), 415, "form-needed")


def test_what_the_framework_refuses_is_a_problem_document_too(http):
    malformed = http.post("/infer", content=b"abc", headers={"Content-Type": "multipart/form-data; boundary=x"})
    assert_problem(malformed, 400, "request-malformed")
    assert_problem(http.get("/nowhere"), 404, "path-unknown")
    assert_problem(http.get("/models/"), 404, "path-unknown")  # no redirection, which would be absolute
    assert_problem(http.get("/static/nowhere.js"), 404, "path-unknown")
    assert_problem(http.get("/infer"), 405, "method-not-allowed")
    assert http.get("/infer").headers["allow"] == "POST"
    assert "/models is for GET, HEAD, not for POST" in http.post("/models").json()["detail"]
    assert http.post("/models").headers["allow"] == "GET, HEAD"
    assert_problem(infer(http, SMALL, headers={"Accept": "text/html"}), 406, "not-acceptable")


def test_an_accident_is_a_problem_document_that_tells_nothing_of_the_inside():
    app = create_app(Settings(origins=ELSEWHERE))

    @app.get("/broken")
    async def broken():
        raise RuntimeError("the inside")

    async def get():
        transport = httpx.ASGITransport(app, raise_app_exceptions=False)
        async with httpx.AsyncClient(transport=transport, base_url="http://server") as client:
            return await client.get("/broken", headers={"Origin": ELSEWHERE})

    response = asyncio.run(get())
    assert response.headers["access-control-allow-origin"] == ELSEWHERE  # else pages of others learn nothing
    assert_problem(response, 500, "internal-error")
    assert "the inside" not in response.text


# Everything else


def test_the_page_is_served(http):
    response = http.get("/")
    assert response.status_code == 200
    assert response.headers["content-type"].startswith("text/html")


def test_models_are_described_as_their_manifests_say(http):
    folders = [folder.name for folder in package.find(Settings().weights)]
    listed = http.get("/models").json()["models"]
    assert [model["id"] for model in listed] == folders
    for model in listed:
        manifest = json.loads((Settings().weights / model["id"] / "model.json").read_text())
        assert set(model) == {"id", "title", "description", "application", "takes", "max_pixels", "axes", "thumbnail"}
        assert model["max_pixels"] == (
            25_000_000 if "mask" in model["takes"] or "seed" in model["takes"] else 120_000_000
        )
        assert model["title"] == manifest["title"]
        for axis, told in zip(manifest["axes"], model["axes"], strict=True):
            middle, guess = axis.pop("middle", None), axis.pop("guess", False)
            assert told["auto"] is (guess or middle is not None)
            axis.pop("norm", None)  # how ψ is built is nobody's business out there
            assert axis.items() <= told.items()
            figures = manifest["measured"]["axes"][axis["id"]]
            columns = (figures[name] for name in ("alpha", "low", "high"))
            assert list(map(tuple, told["curve"])) == list(zip(*columns, strict=True))
            assert len(told["curve"]) == 11
        assert model["takes"] == list(APPLICATIONS[manifest["application"]].takes)


def test_every_model_has_a_thumbnail(http):
    for model in http.get("/models").json()["models"]:
        assert max(opened(http.get(model["thumbnail"]).content).size) <= SIDE


def test_what_a_model_makes_of_seeds_comes_back_the_same_and_alpha_changes_it(http):
    makers = [model for model in http.get("/models").json()["models"] if "seed" in model["takes"]]
    if not makers:
        pytest.skip("no model in weights/ takes seeds")
    for model in makers:
        high = model["axes"][0]["range"][1]

        def made(alpha, seed="1,2,3", model=model):
            reply = http.post("/infer", data={"model": model["id"], "seed": seed, "alpha": str(alpha), "format": "png"})
            assert reply.status_code == 200, reply.text
            return reply.content

        assert made(0) == made(0) != made(high)
        assert opened(made(0)).size == opened(made(0, "4,5,6,7")).size  # two by two, the last cell of three is empty
        assert_problem(http.post("/infer", data={"model": model["id"]}), 422, "seed-missing")
        assert_problem(infer(http, SMALL, model=model["id"], seed="1"), 422, "field-not-taken")


def test_thumbnails_show_a_sample_with_an_axis_at_work(http, models):
    sample = min((STATIC / "samples").glob("*.jpg")).read_bytes()
    for model in (model for model in models if "detail" in model["takes"]):
        reply = http.get(model["thumbnail"])
        assert (reply.status_code, reply.headers["content-type"]) == (200, "image/jpeg")
        assert "max-age" in reply.headers["cache-control"]
        alpha = {axis["id"]: axis["default"] for axis in model["axes"]}
        if not any(alpha.values()):
            alpha[model["axes"][0]["id"]] = model["axes"][0]["range"][1]
        sent = {"max_side": SIDE, "format": "jpeg", "quality": QUALITY}
        assert reply.content == rendered(http, sample, model=model["id"], alpha=json.dumps(alpha), **sent)
    assert_problem(http.get("/models/no-such-model/thumbnail"), 404, "model-unknown")


def test_a_thumbnail_shows_noise_and_what_takes_it_out(http):
    clean = np.asarray(pictures.read(min((STATIC / "samples").glob("*.jpg")).read_bytes(), SIDE), np.float32)
    shown = pixels(http.get("/models/denoise-photos/thumbnail").content)
    error, half = np.abs(shown - clean), clean.shape[1] // 2
    assert error[:, :half].mean() > 2 * error[:, half:].mean()


def test_health_answers_while_a_large_picture_renders(http, server, photo):
    large = saved(Image.open(photo).resize((1600, 1200)), "JPEG")
    work = threading.Thread(target=lambda: httpx.post(f"{server}/infer", files={"image": large}, timeout=120))
    work.start()
    seconds = []
    while work.is_alive():
        start = time.perf_counter()
        assert http.get("/health").json()["status"] == "ok"
        seconds.append(time.perf_counter() - start)
        time.sleep(0.02)
    assert len(seconds) >= 10
    assert statistics.median(seconds) < 0.05


LIKE_GET = ("content-type", "content-length")
PATHS = ["/", "/docs", "/health", "/ready", "/models", "/openapi.json", "/static/js/address.js", "/infer", "/nowhere"]


@pytest.mark.parametrize("path", PATHS)
def test_head_is_answered_as_get_without_a_body(http, path):
    wanted, reply = http.get(path), http.head(path)
    assert (reply.status_code, reply.content) == (wanted.status_code, b"")
    assert [reply.headers[name] for name in LIKE_GET] == [wanted.headers[name] for name in LIKE_GET]


@pytest.mark.parametrize("size", [0, 1, PART, PART + 1, 2 * PART, 3 * PART - 1])
def test_a_large_body_is_sent_in_parts(size):
    body = np.random.default_rng(0).bytes(size)
    sent = []

    async def send(message):
        sent.append(message)

    asyncio.run(Parts(Response(body, headers={"X-Also": "kept"}))({"type": "http"}, None, send))
    start, *parts = sent
    headers = dict(start["headers"])
    assert start["type"] == "http.response.start"
    assert (headers[b"x-also"], headers[b"content-length"]) == (b"kept", b"%d" % size)
    assert b"".join(part["body"] for part in parts) == body
    assert max(len(part["body"]) for part in parts) <= PART
    assert [part.get("more_body", False) for part in parts] == [True] * (len(parts) - 1) + [False]


@pytest.mark.long
def test_without_models_the_server_starts_and_says_so(tmp_path):
    with running_server(tmp_path, weights=tmp_path / "nothing") as running:
        health = httpx.get(f"{running.url}/health").json()
        assert (health["status"], health["models"]) == ("no-models", 0)
        assert httpx.get(f"{running.url}/models").json() == {"models": [], "left_out": []}
        assert_problem(httpx.post(f"{running.url}/infer", files={"image": SMALL}), 503, "no-models")


# The OpenAPI document


def _references(node) -> list[str]:
    if isinstance(node, dict):
        return [value for key, value in node.items() if key == "$ref"] + _references(list(node.values()))
    return [ref for child in node for ref in _references(child)] if isinstance(node, list) else []


def test_openapi_is_whole(http):
    document = http.get("/openapi.json").json()
    assert document["openapi"].startswith("3.1")
    paths = {"/health", "/ready", "/models", "/models/{model_id}/thumbnail", "/infer", "/sweep"}
    assert set(document["paths"]) == paths
    assert document["servers"] == [{"url": "."}]  # wherever it was found
    assert document["components"]["securitySchemes"]["key"]["scheme"] == "bearer"
    assert document["security"] == [{}, {"key": []}]  # where the server asks for one
    for reference in _references(document):
        node = document
        for part in reference.removeprefix("#/").split("/"):
            node = node[part]
    for operations in document["paths"].values():
        for operation in operations.values():
            assert {"200", "4XX", "5XX"} <= set(operation["responses"])
            for status, reply in operation["responses"].items():
                if status != "200":
                    assert set(reply["content"]) == {PROBLEM}
                    assert reply["content"][PROBLEM]["schema"] == {"$ref": "#/components/schemas/Problem"}
                    assert str(reply["content"][PROBLEM]["example"]["status"]) == status.replace("XX", "00")


def test_openapi_describes_infer(http):
    document = http.get("/openapi.json").json()
    operation = document["paths"]["/infer"]["post"]
    statuses = {"400", "401", "404", "406", "408", "413", "415", "422", "503", "507"}
    assert set(operation["responses"]) == {"200", *statuses, "4XX", "5XX"}
    assert set(operation["responses"]["200"]["content"]) == {"image/png", "image/jpeg", "image/webp"}
    (reference,) = _references(operation["requestBody"]["content"]["multipart/form-data"])
    form = document["components"]["schemas"][reference.rsplit("/", 1)[1]]
    assert "required" not in form  # a model says what it takes
    assert set(form["properties"]) == {*FIELDS, "model", "alpha", "position", "format", "quality", "metadata"}
    assert all("description" in field for field in form["properties"].values())
    assert (form["properties"]["max_side"]["minimum"], form["additionalProperties"]) == (32, False)
    assert '"null"' not in json.dumps(form)  # which a form cannot send
