"""What numbers mean: pictures of many spaces beside a browser and libvips, which manage colours too."""

import io
import struct

import independent
import numpy as np
import pytest
from independent import GREY, P3_CHUNK, PROFILES, SWAPPED, cmyk_profile, colours, encoded, off, png
from PIL import Image, ImageCms

from dynamicnet import pictures
from dynamicnet.files import colour, icc
from dynamicnet.files.colour import Colours

PHOTO = colours()
GAMMA = struct.pack(">I", 100_000)  # linear
P3, LINEAR = PROFILES["Display P3"], PROFILES["linear"]


@pytest.fixture(scope="module")
def browser():
    if independent.CHROMIUM is None:
        pytest.skip("no chromium")
    with independent.browser() as read:
        yield read


TAGGED = {
    **{name: encoded(PHOTO, "PNG", icc_profile=profile) for name, profile in PROFILES.items()},
    "grey gamma 2.2": encoded(PHOTO.convert("L"), "PNG", icc_profile=GREY),
    "grey, linear RGB profile": encoded(PHOTO.convert("L"), "PNG", icc_profile=LINEAR),
    "palette in P3": encoded(PHOTO.convert("P"), "PNG", icc_profile=P3),
    "JPEG in P3": encoded(PHOTO, "JPEG", icc_profile=P3, subsampling=0, quality=95),
    "WebP in P3": encoded(PHOTO, "WEBP", icc_profile=P3, lossless=True),
    "AVIF in P3": encoded(PHOTO, "AVIF", icc_profile=P3, subsampling="4:4:4"),
    "gAMA 1.0": png(PHOTO, gAMA=GAMMA),
    "gAMA 1.6": png(PHOTO, gAMA=struct.pack(">I", 62_500)),
    "gAMA 2.2": png(PHOTO, gAMA=struct.pack(">I", 45_455)),
    "gAMA and cHRM": png(PHOTO, gAMA=struct.pack(">I", 55_556), cHRM=P3_CHUNK),
    "grey gAMA 1.0": png(PHOTO.convert("L"), gAMA=GAMMA),
    "cHRM alone": png(PHOTO, cHRM=P3_CHUNK),
    "sRGB over gAMA": png(PHOTO, sRGB=b"\0", gAMA=GAMMA),
    "cICP over sRGB": png(PHOTO, cICP=b"\x0c\x0d\0\1", sRGB=b"\0"),
    **{f"cICP {code}": png(PHOTO, cICP=bytes([*code, 0, 1])) for code in ((9, 1), (1, 8), (5, 6), (11, 13), (4, 4))},
}


@pytest.mark.parametrize("name", TAGGED)
def test_colours_are_those_of_a_browser(browser, name):
    assert off(pictures.read(TAGGED[name]), browser(TAGGED[name])) <= 0.5


@pytest.mark.parametrize(
    "profile",
    [b"SECRET" * 30, P3[:200], P3[:128] + b"\xff" * 500, GREY, cmyk_profile()],
    ids=["text", "cut off", "spoilt", "grey", "CMYK"],
)
def test_a_profile_that_is_broken_or_does_not_fit_counts_as_none(profile):
    assert np.array_equal(np.asarray(pictures.read(encoded(PHOTO, "PNG", icc_profile=profile))), np.asarray(PHOTO))


def test_srgb_by_any_name_changes_nothing():
    for profile in (icc.SRGB, ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()):
        read = pictures.read(encoded(PHOTO, "PNG", icc_profile=profile))
        assert np.array_equal(np.asarray(read), np.asarray(PHOTO))


def test_profiles_are_applied_at_the_size_that_is_worked_at():
    data = encoded(PHOTO, "PNG", icc_profile=P3)
    small = np.asarray(pictures.read(data, max_side=100), np.int16)
    large = np.asarray(pictures.read(data).resize((75, 100), Image.Resampling.LANCZOS), np.int16)
    assert np.abs(small - large).mean() < 1


@pytest.mark.parametrize("chunks", [{"cICP": b"\x0c\x0d\1\1"}, {"cICP": b"\2\2\0\1"}, {"gAMA": b"\0\0\0\0"}])
def test_chunks_that_make_no_sense_say_nothing(chunks):
    assert np.array_equal(np.asarray(pictures.read(png(PHOTO, **chunks))), np.asarray(PHOTO))


@pytest.mark.parametrize("name", ["Display P3", "Adobe RGB", "swapped primaries"])
def test_the_way_back_is_the_way_there_turned_around(name):
    """Colours that both spaces have come back as they went, but for a few levels of rounding."""
    space = Colours(PROFILES[name])
    there = space.to_srgb(PHOTO)
    inside = ((np.asarray(there) > 2) & (np.asarray(there) < 253)).all(2)
    back = np.abs(np.asarray(there.filter(space.tables()[1]), np.int16) - np.asarray(PHOTO, np.int16))
    assert back[inside].mean() < 1


def said(data: bytes) -> bytes | int | None:
    """What a file says that its numbers mean: a profile, or the intent of its sRGB chunk."""
    with Image.open(io.BytesIO(data)) as opened:
        return opened.info.get("icc_profile", opened.info.get("srgb"))


@pytest.mark.parametrize("kind", pictures.FORMATS)
def test_what_is_written_says_what_its_numbers_mean(browser, kind):
    assert said(pictures.write(PHOTO, kind)) == (1 if kind == "png" else icc.SRGB)
    in_p3 = PHOTO.copy()
    in_p3.info["icc_profile"] = P3
    assert said(data := pictures.write(in_p3, kind, 95)) == P3
    assert off(pictures.read(data), browser(data)) <= 0.5
    assert off(pictures.read(data), np.asarray(PHOTO)) > 2, "the profile is honoured"


def test_replies_say_that_they_are_srgb(http, photo):
    for kind in pictures.FORMATS:
        reply = http.post("/infer", files={"image": photo.read_bytes()}, data={"max_side": 64, "format": kind})
        assert said(reply.content) == (1 if kind == "png" else icc.SRGB)
    for kind, wanted in {"webp": icc.SRGB, "gif": None, "png": 1, "jpeg": icc.SRGB}.items():
        fields = {"max_side": 64, "frames": 2, "format": kind}
        assert said(http.post("/sweep", files={"image": photo.read_bytes()}, data=fields).content) == wanted
    assert said(http.get(http.get("/models").json()["models"][0]["thumbnail"]).content) == icc.SRGB


@pytest.fixture(scope="module")
def mender(http) -> str:
    """The id of a model that fills holes."""
    return next(model["id"] for model in http.get("/models").json()["models"] if "mask" in model["takes"])


HOLE = Image.new("L", PHOTO.size)
HOLE.paste(255, (60, 50, 90, 80))


def mended(http, mender, image: bytes, route="/infer", **fields) -> bytes:
    files = {"image": image, "mask": encoded(HOLE, "PNG")}
    reply = http.post(route, files=files, data={"model": mender, "format": "png"} | fields)
    assert reply.status_code == 200, reply.text
    return reply.content


@pytest.mark.parametrize("name", ["Display P3", "Adobe RGB"])
def test_completion_keeps_a_photograph_in_its_own_space(http, mender, name):
    profile, hole = PROFILES[name], np.asarray(HOLE) > 0
    spaces = (ImageCms.ImageCmsProfile(io.BytesIO(space)) for space in (icc.SRGB, profile))
    there = ImageCms.ImageCmsTransform(*spaces, "RGB", "RGB", colour.INTENT, flags=colour.FLAGS)
    sent = encoded(there.apply(PHOTO), "PNG", icc_profile=profile)
    reply = mended(http, mender, sent, alpha="0.5")
    assert said(reply) == profile
    ours, plain = (np.asarray(Image.open(io.BytesIO(data)), np.int16) for data in (reply, sent))
    assert np.array_equal(ours[~hole], plain[~hole]), "known pixels are those that were sent"
    in_srgb = pictures.read(mended(http, mender, encoded(pictures.read(sent), "PNG"), alpha="0.5"))
    apart = np.abs(ours - np.asarray(there.apply(in_srgb), np.int16))[hole]
    assert apart.mean() < 1
    assert np.percentile(apart, 99) <= 3


def test_colours_that_srgb_lacks_go_on_into_the_hole(http, mender):
    vivid = Image.new("RGB", PHOTO.size, (10, 240, 10))
    reply = mended(http, mender, encoded(vivid, "PNG", icc_profile=P3), alpha="0")
    assert np.abs(np.asarray(Image.open(io.BytesIO(reply)), np.int16) - np.asarray(vivid)).max() < 12


def test_what_completion_keeps_in_its_own_space_looks_right_in_any_file(http, browser, mender):
    sent = encoded(PHOTO, "PNG", icc_profile=P3)
    wanted = pictures.read(mended(http, mender, encoded(pictures.read(sent), "PNG")))
    for kind, most in {"png": 0.5, "jpeg": 3, "webp": 6}.items():
        assert off(wanted, browser(mended(http, mender, sent, format=kind, quality=100))) < most
    for kind, most in {"webp": 6, "gif": 12, "png": None}.items():  # a contact sheet is larger
        swept = mended(http, mender, sent, "/sweep", format=kind, frames=2, quality=100)
        assert said(swept) == {"webp": icc.SRGB, "gif": None, "png": 1}[kind]
        if most:
            plain = Image.open(io.BytesIO(swept)).convert("RGB")
            assert off(plain, np.asarray(wanted)) < most


def test_a_photograph_keeps_its_space_where_its_noise_is_taken_out(http):
    models = http.get("/models").json()["models"]
    fields = {"model": next(model["id"] for model in models if model["application"] == "restoration")}
    fields |= {"format": "png", "alpha": "-1"}
    vivid = PHOTO.copy()
    vivid.paste((40, 220, 60), (0, 0, 60, 60))  # which sRGB lacks
    sent = encoded(vivid, "PNG", icc_profile=P3)
    reply = http.post("/infer", files={"image": sent}, data=fields).content
    assert said(reply) == P3
    assert off(Image.open(io.BytesIO(reply)).crop((5, 5, 55, 55)), np.asarray(vivid.crop((5, 5, 55, 55)))) < 4
    swept = http.post("/sweep", files={"image": sent}, data=fields | {"format": "webp", "frames": 2, "quality": 100})
    assert said(swept.content) == icc.SRGB
    first = Image.open(io.BytesIO(swept.content)).convert("RGB")
    assert off(first, np.asarray(pictures.read(sent))) < off(first, np.asarray(vivid))
    linear = encoded(vivid, "PNG", icc_profile=PROFILES["linear"])
    assert said(http.post("/infer", files={"image": linear}, data=fields).content) == 1, "its noise is another"


@pytest.mark.parametrize("kind", ["PNG", "JPEG", "WEBP", "TIFF"])
def test_a_profile_of_many_tables_is_honoured_and_not_kept(kind):
    large = bytearray(P3 + bytes(2**20 + 100))
    large[:4] = len(large).to_bytes(4, "big")
    options = {"WEBP": {"lossless": True}, "JPEG": {"quality": 100}}.get(kind, {})
    read, wanted = (
        pictures.read_layers(encoded(PHOTO, kind, icc_profile=bytes(profile), **options), keep_space=True)
        for profile in (large, P3)
    )
    assert np.array_equal(np.asarray(read.picture), np.asarray(wanted.picture))
    assert (read.own, wanted.own and wanted.own.profile) == (None, P3)
    assert wanted.own.bytes > 4 * 150 * 200 + len(P3)


def test_a_profile_without_a_way_back_is_honoured_and_not_kept():
    """Of its tables, only those that lead to the space that profiles connect through: as cameras and scanners have."""
    read = pictures.read_layers(encoded(PHOTO, "PNG", icc_profile=one_way()), keep_space=True)
    assert read.own is None
    assert off(read.picture, np.asarray(PHOTO)) > 2


def one_way() -> bytes:
    """An RGB profile of one table: red, green and blue are taken for L, a and b."""
    table = b"mft1\0\0\0\0" + bytes([3, 3, 2, 0]) + struct.pack(">9i", *(65536 * (i in (0, 4, 8)) for i in range(9)))
    corners = bytes(255 * (corner >> bit & 1) for corner in range(8) for bit in (2, 1, 0))
    table += bytes(range(256)) * 3 + corners + bytes(range(256)) * 3
    assembled = icc._assemble(b"RGB ", {b"wtpt": icc._xyz(icc.D50), b"A2B0": table}, "one way")
    return assembled[:12] + b"scnr" + assembled[16:20] + b"Lab " + assembled[24:]


def test_primaries_that_span_no_space_make_no_profile():
    with pytest.raises(ValueError, match="primaries"):
        icc.profile(SWAPPED._replace(red=SWAPPED.green), 2.2, "none")
