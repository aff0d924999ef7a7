"""A corpus of what may be sent instead of a picture and a number, and what each is answered."""

import io
import itertools
import struct
import zlib
from collections.abc import Callable

import httpx
import numpy as np
import pytest
from PIL import Image

PROBLEM = "application/problem+json"
READABLE, CUT, HUGE, TINY = (
    (415, "picture-unreadable"),
    (422, "picture-unreadable"),
    (413, "picture-too-large"),
    (422, "picture-too-small"),
)
FINE = (200, "")


def saved(picture: Image.Image, kind: str, **options) -> bytes:
    out = io.BytesIO()
    picture.save(out, kind, **options)
    return out.getvalue()


NOISE = Image.fromarray(np.random.default_rng(0).integers(0, 256, (64, 80, 3), np.uint8))
FILES = {kind: saved(NOISE, kind) for kind in ("PNG", "JPEG", "WEBP", "GIF", "BMP", "TIFF")}
PICTURE = FILES["PNG"]


def png(width: int, height: int, depth: int = 8, colours: int = 2, data: bytes = b"\0" * 100) -> bytes:
    """A PNG that says of itself what it likes."""
    header = b"IHDR" + struct.pack(">IIBBBBB", width, height, depth, colours, 0, 0, 0)
    chunks = (header, b"IDAT" + zlib.compress(data), b"IEND")
    body = b"".join(struct.pack(">I", len(c) - 4) + c + struct.pack(">I", zlib.crc32(c)) for c in chunks)
    return b"\x89PNG\r\n\x1a\n" + body


def patched(data: bytes, at: int, new: bytes) -> bytes:
    return data[:at] + new + data[at + len(new) :]


def jpeg_of(width: int, height: int) -> bytes:
    data = FILES["JPEG"]
    return patched(data, data.index(b"\xff\xc0") + 5, struct.pack(">HH", height, width))


def frames(kind: str) -> bytes:
    return saved(NOISE, kind, save_all=True, append_images=[NOISE.rotate(90)] * 3, duration=50)


def turned(orientation: int) -> bytes:
    exif = Image.Exif()
    exif[0x0112] = orientation
    return saved(NOISE, "JPEG", exif=exif)


IMAGES: dict[str, tuple[bytes, tuple[int, str]]] = {
    # Not pictures, whatever they are called
    "nothing": (b"", (422, "picture-missing")),
    "a byte": (b"\0", READABLE),
    "zeros": (b"\0" * 5000, READABLE),
    "text": (b"hello, world", READABLE),
    "a web page": (b"<!doctype html><script>alert(1)</script>", READABLE),
    "an svg": (b'<svg xmlns="http://www.w3.org/2000/svg" width="99" height="99"/>', READABLE),
    "a pdf": (b"%PDF-1.7\n1 0 obj<</Type/Catalog>>endobj\n%%EOF", READABLE),
    "a zip": (b"PK\x03\x04" + b"\0" * 200, READABLE),
    "a gzip bomb's head": (b"\x1f\x8b\x08\0" + b"\0" * 100, READABLE),
    "a program": (b"\x7fELF\x02\x01\x01" + b"\0" * 200, READABLE),
    "a film": (b"\0\0\0\x18ftypmp42" + b"\0" * 200, READABLE),
    "a heic": (b"\0\0\0\x18ftypheic" + b"\0" * 200, READABLE),
    "an avif": (b"\0\0\0\x18ftypavif" + b"\0" * 200, READABLE),
    "an icon": (saved(NOISE, "ICO"), READABLE),
    "a ppm": (saved(NOISE, "PPM"), READABLE),
    "a pcx": (saved(NOISE, "PCX"), READABLE),
    "postscript": (b"%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 99 99\n", READABLE),
    "json": (b'{"image": "no"}', READABLE),
    # Pictures that claim too much, or too little
    "a png of 60000²": (png(60_000, 60_000), HUGE),
    "a png of 2³¹": (png(2**31 - 1, 2**31 - 1), HUGE),
    "a png just over": (png(12_001, 10_000), HUGE),
    "a png long and thin": (png(4_000_000, 32), HUGE),
    "a png of 16 bits, bomb": (png(30_000, 30_000, 16, 6), HUGE),
    "a jpeg of 65500²": (jpeg_of(65_500, 65_500), HUGE),
    "a gif of 65535²": (patched(FILES["GIF"], 6, b"\xff\xff\xff\xff"), HUGE),
    "a bmp of 50000²": (patched(FILES["BMP"], 18, struct.pack("<ii", 50_000, 50_000)), HUGE),
    "a png of no width": (png(0, 64), READABLE),
    "a png of no height": (png(64, 0), READABLE),
    "a jpeg of no height": (jpeg_of(64, 0), READABLE),
    "one pixel": (saved(NOISE.resize((1, 1)), "PNG"), TINY),
    "31 pixels": (saved(NOISE.resize((31, 200)), "PNG"), TINY),
    "a png without data": (png(64, 64, data=b""), CUT),
    "a png of a colour type that is none": (png(64, 64, 8, 5), READABLE),
    "a png of 3 bits": (png(64, 64, 3, 2), READABLE),
    "a png with a wrong checksum": (PICTURE.replace(PICTURE[29:33], b"\0\0\0\0", 1), CUT),
    "a gif without frames": (FILES["GIF"][:13] + b";", READABLE),
    # Odd, but pictures: the first frame, upright, on white
    "an animated gif": (frames("GIF"), FINE),
    "an animated webp": (frames("WEBP"), FINE),
    "an animated png": (frames("PNG"), FINE),
    "a tiff of pages": (frames("TIFF"), FINE),
    "1 bit": (saved(NOISE.convert("1"), "PNG"), FINE),
    "grey": (saved(NOISE.convert("L"), "PNG"), FINE),
    "grey and opacity": (saved(NOISE.convert("LA"), "PNG"), FINE),
    "a palette": (saved(NOISE.convert("P"), "PNG"), FINE),
    "a palette with a hole": (saved(NOISE.convert("P"), "PNG", transparency=3), FINE),
    "opacity": (saved(NOISE.convert("RGBA"), "PNG"), FINE),
    "16 bits": (saved(Image.fromarray(np.arange(64 * 64, dtype=np.uint16).reshape(64, 64) * 16), "PNG"), FINE),
    "32 bits": (saved(Image.fromarray(np.arange(64 * 64, dtype=np.int32).reshape(64, 64)), "TIFF"), READABLE),
    "floats": (saved(Image.fromarray(np.full((64, 64), np.nan, np.float32)), "TIFF"), FINE),
    "cmyk": (saved(NOISE.convert("CMYK"), "JPEG"), FINE),
    "cmyk tiff": (saved(NOISE.convert("CMYK"), "TIFF"), FINE),
    "a jpeg in a tiff": (saved(NOISE, "TIFF", compression="jpeg"), FINE),
    "lab": (saved(NOISE.convert("LAB"), "TIFF"), FINE),
    "a progressive jpeg": (saved(NOISE, "JPEG", progressive=True), FINE),
    "a picture and a web page": (FILES["GIF"] + b"<script>alert(1)</script>", FINE),
    "a picture and a zip": (FILES["JPEG"] + b"PK\x03\x04" + b"\0" * 100, FINE),
    "exif that is none": (saved(NOISE, "JPEG", exif=b"Exif\0\0" + b"\xff" * 50), FINE),
    **{f"turned, {orientation}": (turned(orientation), FINE) for orientation in (2, 3, 5, 6, 8, 99)},
    **{
        f"{kind} cut off at {share}": (data[: int(len(data) * share)], CUT)
        for (kind, data), share in itertools.product(FILES.items(), (0.5, 0.9))
    },
}

AXIS = "{axis}"  # the first axis of the model
NOT_UNDERSTOOD, NOT_FINITE, OUT, LENGTH = (
    (422, "alpha-not-understood"),
    (422, "alpha-not-finite"),
    (422, "alpha-out-of-range"),
    (422, "alpha-wrong-length"),
)
ALPHAS: dict[str, tuple[int, str]] = {
    **dict.fromkeys(("nan", "NaN", "-nan", "inf", "-inf", "Infinity", "1e309", "1e39", "0.5,nan,0.5,0.5"), NOT_FINITE),
    **dict.fromkeys(("5", "-5", "1.0001", "1e9", "1_0", "5,0,0,0", f'{{"{AXIS}": 2}}'), OUT),
    **dict.fromkeys(("0.1,0.2", "0,0,0,0,0,0,0,0,0", f'{{"{AXIS}": []}}'), LENGTH),
    **dict.fromkeys(
        (
            "much", " ", ",", "0.5,", "0.5;0.5", "0.5.5", "--1", "0x1", "½", "true", "null", "[]", "[0.5]", "'0.5'",
            '{"', "{]", "{0.5}", f'{{"{AXIS}": "0.5"}}', f'{{"{AXIS}": null}}', f'{{"{AXIS}": true}}',
            f'{{"{AXIS}": {{}}}}', f'{{"{AXIS}": [[0.5]]}}', f'{{"{AXIS}": ["a"]}}', '{"a": ' * 500,
        ),
        NOT_UNDERSTOOD,
    ),
    **dict.fromkeys(('{"": 0}', '{"none": 0}', '{"__class__": 0}', '{"\\u0000": 0}'), (422, "alpha-unknown-axis")),
    f'{{"{AXIS}": NaN}}': NOT_FINITE,
    f'{{"{AXIS}": 1e400}}': NOT_FINITE,
    f'{{"{AXIS}": {"9" * 400}}}': NOT_UNDERSTOOD,
    "": (422, "field-empty"),
    "0" * 10_001: (422, "alpha-invalid"),
}  # fmt: skip

FIELDS: dict[tuple[str, str], tuple[int, str]] = {
    **{("quality", value): (422, "quality-invalid") for value in ("0", "-1", "101", "1e2", "5.5", "best", "9" * 30)},
    **{("max_side", value): (422, "max-side-invalid") for value in ("0", "-64", "31", "64.5", "large", "nan")},
    **{("detail", value): (422, "detail-invalid") for value in ("31", "large")},
    **{("format", value): (422, "format-invalid") for value in ("gif", "PNG", "png ", "image/png", "exe")},
    **{
        ("model", value): (404, "model-unknown")
        for value in ("monet", "../weights", "/etc/passwd", "a" * 5000, "%2e%2e", "\u202e", "'; --")
    },
    **{(name, ""): (422, "field-empty") for name in ("quality", "max_side", "format", "model")},
    ("seed", "1"): (422, "field-not-taken"),
    ("latent", "[0]"): (422, "field-not-taken"),
    ("mask", "mask.png"): (422, "file-missing"),
    ("where", "where.png"): (422, "file-missing"),
    ("Alpha", "0.5"): (422, "field-unknown"),
    ("alpha[]", "0.5"): (422, "field-unknown"),
    ("__proto__", "0.5"): (422, "field-unknown"),
}


def answered(response: httpx.Response, expected: tuple[int, str]) -> None:
    status, _code = expected
    if status == 200:
        assert response.status_code == 200, response.text
        with Image.open(io.BytesIO(response.content)) as picture:
            assert (picture.mode, picture.info.get("exif"), getattr(picture, "n_frames", 1)) == ("RGB", None, 1)
        return
    problem = response.json()
    assert (response.status_code, problem["code"]) == expected, problem
    assert response.headers["content-type"] == PROBLEM
    assert problem["detail"].endswith((".", "?"))
    assert len(problem["detail"]) < 400


@pytest.fixture(scope="module")
def post(http: httpx.Client, models: list[dict]) -> Callable[..., httpx.Response]:
    def post(image: bytes = PICTURE, name: str = "picture.png", **fields: str) -> httpx.Response:
        data = {"model": models[0]["id"]} | fields
        return http.post("/infer", files={"image": (name, image, "image/png")}, data=data)

    return post


def test_the_corpus_is_large_enough():
    assert len(IMAGES) + len(ALPHAS) + len(FIELDS) >= 120


@pytest.mark.parametrize("name", IMAGES)
def test_images(post, name):
    image, expected = IMAGES[name]
    answered(post(image), expected)


@pytest.mark.parametrize("text", ALPHAS, ids=lambda text: repr(text[:24]))
def test_alphas(post, models, text):
    answered(post(alpha=text.replace(AXIS, models[0]["axes"][0]["id"])), ALPHAS[text])


@pytest.mark.parametrize("field", FIELDS, ids=lambda field: repr("=".join(field)[:24]))
def test_fields(post, field):
    name, value = field
    answered(post(**{name: value}), FIELDS[field])
