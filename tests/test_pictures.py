"""Pictures in and out, the odd ones above all."""

import io
import struct
import zlib

import numpy as np
import pytest
import pyvips
import torch
from PIL import ExifTags, Image, PngImagePlugin

from dynamicnet import DynamicNetError, pictures
from dynamicnet.files import icc
from server.settings import STATIC

RED, GREEN, BLUE, GREY = (255, 0, 0), (0, 255, 0), (0, 0, 255), (128, 128, 128)


def corners(width=64, height=48):
    """Red, green, blue, grey from the top left by rows: no turn or flip leaves them as they are."""
    picture = Image.new("RGB", (width, height), RED)
    picture.paste(GREEN, (width // 2, 0, width, height // 2))
    picture.paste(BLUE, (0, height // 2, width // 2, height))
    picture.paste(GREY, (width // 2, height // 2, width, height))
    return picture


def looks(picture):
    """The colours near the four corners, by rows."""
    right, bottom = picture.width - 4, picture.height - 4
    return [picture.getpixel(at) for at in ((3, 3), (right, 3), (3, bottom), (right, bottom))]


def near(picture, colours, off=12):
    found = np.array(looks(picture), dtype=int)
    assert np.abs(found - np.array(colours)).max() <= off, found.tolist()


def encoded(picture, kind, **options):
    out = io.BytesIO()
    picture.save(out, kind, **options)
    return out.getvalue()


def refusal(data, **options):
    with pytest.raises(DynamicNetError) as refused:
        pictures.read(data, **options)
    return refused.value


def test_orientation_holds_where_the_decoder_shrinks():
    exif = Image.Exif()
    exif[ExifTags.Base.Orientation] = 6
    read = pictures.read(encoded(corners(1280, 960), "JPEG", exif=exif), max_side=128)
    assert read.size == (96, 128)
    near(read, [BLUE, RED, GREY, GREEN], 40)


@pytest.mark.parametrize("kind", ["PNG", "JPEG", "WEBP"])
@pytest.mark.parametrize("exif", [b"Exif\0\0rubbish", b"Exif\0\0II*\0\x08\0\0\0\xff\xff", b"Exif\0\0"])
@pytest.mark.filterwarnings("ignore:Corrupt EXIF")
def test_exif_that_cannot_be_read_does_not_cost_the_picture(exif, kind):
    near(pictures.read(encoded(corners(), kind, exif=exif)), [RED, GREEN, BLUE, GREY], 40)


def see_through(mode):
    """The left half opaque, the right half wholly transparent."""
    if mode == "P":
        picture = Image.new("P", (64, 48), 2)
        picture.putpalette([*RED, *BLUE, *GREEN])
        picture.paste(0, (0, 0, 32, 24))
        picture.paste(1, (0, 24, 32, 48))
        picture.info["transparency"] = 2
        return picture
    picture = corners().convert("RGBA")
    picture.paste((0, 0, 0, 0), (32, 0, 64, 48))
    return picture.convert(mode)


@pytest.mark.parametrize(
    ("mode", "kind"), [("RGBA", "PNG"), ("RGBA", "WEBP"), ("RGBA", "TIFF"), ("LA", "PNG"), ("P", "PNG"), ("P", "GIF")]
)
def test_transparency_is_flattened_on_white(mode, kind):
    read = pictures.read(encoded(see_through(mode), kind, **({"lossless": True} if kind == "WEBP" else {})))
    colours = looks(read)
    assert read.mode == "RGB"
    assert colours[1] == colours[3] == (255, 255, 255)
    assert colours[0] != (255, 255, 255)
    assert mode == "LA" or (colours[0], colours[2]) == (RED, BLUE)


def test_half_transparency_is_half_white():
    read = pictures.read(encoded(Image.new("RGBA", (40, 40), (0, 0, 0, 128)), "PNG"))
    assert all(abs(value - 127) <= 1 for value in read.getpixel((20, 20)))


@pytest.mark.parametrize("opacity", [1, 90])
def test_what_is_half_transparent_keeps_its_colours_where_a_network_looks(opacity):
    picture = corners().convert("RGBA")
    picture.putalpha(opacity)
    assert pictures.bleed(picture).tobytes() == corners().tobytes()
    assert pictures.bleed(corners()).tobytes() == corners().tobytes()


@pytest.mark.parametrize("size", [(64, 48), (61, 1), (1, 2)])
def test_what_is_not_seen_has_the_colours_around_it_and_none_of_its_own(size):
    picture = Image.new("RGBA", size, (*RED, 0))
    picture.paste((*BLUE, 255), (0, 0, 1, 1))
    assert pictures.bleed(picture).getcolors() == [(size[0] * size[1], BLUE)]
    assert pictures.bleed(Image.new("RGBA", size, (*RED, 0))).getcolors() == [(size[0] * size[1], (255, 255, 255))]


def test_one_colour_named_transparent_is_white():
    read = pictures.read(encoded(corners(), "PNG", transparency=GREEN))
    assert looks(read) == [RED, (255, 255, 255), BLUE, GREY]


@pytest.mark.parametrize("max_side", [None, 100])
def test_cmyk_is_read_in_its_colours(max_side):
    read = pictures.read(encoded(corners(400, 300).convert("CMYK"), "JPEG", quality=95), max_side=max_side)
    assert (read.mode, read.width) == ("RGB", max_side or 400)
    near(read, [RED, GREEN, BLUE, GREY], 40)


@pytest.mark.parametrize("kind", ["PNG", "JPEG", "WEBP", "GIF", "BMP", "TIFF"])
def test_a_cut_off_picture_is_refused(kind):
    noise = Image.fromarray(np.random.default_rng(1).integers(0, 255, (48, 64, 3), dtype=np.uint8))
    data = encoded(noise, kind)
    for kept in (0.9, 0.5, 0.1):
        refused = refusal(data[: int(len(data) * kept)])
        assert (refused.code, refused.status in (415, 422)) == ("picture-unreadable", True)


@pytest.mark.parametrize(
    "data", [b"hello, I am a text", b"\x00", b"GIF89a", b"%PDF-1.7\n", b"<svg/>", b"\x89PNG\r\n\x1a\n"]
)
def test_what_is_no_picture_is_refused(data):
    refused = refusal(data)
    assert (refused.code, refused.status) == ("picture-unreadable", 415)
    assert "PNG or JPEG" in refused.message


@pytest.mark.parametrize(
    ("data", "kind"),
    [
        (b"\x00\x00\x00\x18ftypheic\x00\x00\x00\x00mif1heic", "HEIC"),
        (b"\x00\x00\x00\x20ftypmp42\x00\x00\x00\x00", "a film"),
        (b"\x00\x00\x00\x18ftypcrx \x00\x00\x00\x01crx isom", "Canon"),
        (b"\x00\x00\x00\x18ftypM4A \x00\x00\x00\x00", "a sound"),
        (b"II*\x00\x10\x00\x00\x00CR\x02\x00", "Canon"),
        (b"RIFF\x00\x00\x00\x00AVI LIST", "a film"),
        (b"%PDF-1.7\n", "PDF"),
        (b"<?xml version='1.0'?><svg/>", "SVG"),
        (b"<?xml version='1.0'?><note/>", "not a file"),
        (b"v/1\x01\x02\x00\x00\x00", "OpenEXR"),
        (b"GIF89a", "a GIF file, but"),
    ],
)
def test_a_kind_of_file_that_people_take_for_one_we_read_is_named(data, kind):
    assert kind in refusal(data).message


def test_a_format_we_do_not_name_is_refused():
    assert refusal(encoded(corners(), "ICO")).status == 415


def test_nothing_is_refused():
    refused = refusal(b"")
    assert (refused.code, refused.status) == ("picture-missing", 422)


@pytest.mark.parametrize("kind", ["PNG", "JPEG", "WEBP", "GIF", "BMP", "TIFF"])
@pytest.mark.filterwarnings("ignore")
def test_damaged_bytes_are_an_answer_and_never_an_accident(kind):
    """Every outcome is a picture or our own error; what a decoder raises never comes through."""
    random = np.random.default_rng(3)
    exif = Image.Exif()
    exif[ExifTags.Base.Orientation] = 6
    exif[ExifTags.Base.Make] = "maker"
    data = encoded(corners(), kind, **({} if kind in ("GIF", "BMP") else {"exif": exif}))
    for _ in range(150):
        spoiled = bytearray(data)
        for at in random.integers(0, min(len(data), 200), random.integers(1, 6)):
            spoiled[at] = random.integers(256)
        try:
            assert pictures.read(bytes(spoiled), max_pixels=1_000_000).mode == "RGB"
        except DynamicNetError:
            continue


def test_exif_that_cannot_be_written_again_does_not_cost_the_picture():
    """Turning a picture must not need its EXIF to be sound in all its other parts."""
    exif = (
        struct.pack("<2sHLHHHLHHHHL", b"II", 42, 8, 2, 0x112, 3, 1, 6, 0, 0x11A, 4, 1) + b"\x01\x02\x03\x04" + b"\0" * 4
    )
    read = pictures.read(encoded(corners(), "JPEG", exif=b"Exif\0\0" + exif))
    assert read.size == (48, 64)


def png_header(width, height):
    """A PNG that says its size and holds no pixels."""
    head = b"IHDR" + struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
    data = b"IDAT" + zlib.compress(b"")
    chunks = [struct.pack(">I", len(c) - 4) + c + struct.pack(">I", zlib.crc32(c)) for c in (head, data, b"IEND")]
    return b"\x89PNG\r\n\x1a\n" + b"".join(chunks)


@pytest.mark.parametrize("size", [(50_000, 50_000), (2**31 - 1, 2**31 - 1), (6_000_001, 20)])
def test_a_huge_picture_is_refused_by_its_header(size):
    """There are no pixels behind the header: to find the size wrong, nothing may be decoded."""
    refused = refusal(png_header(*size), max_side=512)
    assert (refused.code, refused.status) == ("picture-too-large", 413)
    assert f"{size[0]}×{size[1]}" in refused.message


def test_the_limit_on_pixels_can_be_set():
    data = encoded(corners(), "PNG")
    assert pictures.read(data, max_pixels=64 * 48).size == (64, 48)
    assert refusal(data, max_pixels=64 * 48 - 1).code == "picture-too-large"


@pytest.mark.parametrize("kind", ["PNG", "JPEG"])
def test_a_picture_that_is_made_small_is_judged_by_its_small_size(kind):
    data = encoded(corners(200, 150), kind)
    assert pictures.read(data, max_side=100, max_pixels=100 * 75).size == (100, 75)
    refused = refusal(data, max_side=101, max_pixels=100 * 75)
    assert (refused.code, refused.status) == ("picture-too-large", 413)
    assert "200×150, more than 0.0075 million" in refused.message


def test_a_telephones_largest_photograph_is_read_if_it_is_made_small():
    data = encoded(Image.new("L", (12_000, 9_000), 128), "JPEG")
    assert pictures.read(data, max_side=1024).size == (1024, 768)
    assert "send a smaller one, or have it made smaller by max_side" in refusal(data, max_pixels=25_000_000).message


def test_a_picture_that_decoders_have_no_room_for_is_refused_before_it_is_decoded():
    data = encoded(Image.new("1", (64, 64)), "PNG")
    header = data[12:16] + struct.pack(">II", 12_000, 11_000) + data[24:29]
    claims = data[:12] + header + struct.pack(">I", zlib.crc32(header)) + data[33:]
    refused = refusal(claims, max_side=64)
    assert (refused.code, refused.status) == ("picture-too-large", 413)
    assert "more than 120 million pixels" in refused.message
    assert "max_side" not in refused.message


@pytest.mark.parametrize("kind", ["PNG", "JPEG"])
def test_max_side_shrinks_and_never_enlarges(kind):
    data = encoded(corners(200, 150), kind)
    assert pictures.read(data, max_side=100).size == (100, 75)
    assert pictures.read(data, max_side=199).size == (199, 149)
    assert pictures.read(data, max_side=200).size == (200, 150)
    assert pictures.read(data, max_side=4000).size == (200, 150)
    near(pictures.read(data, max_side=64), [RED, GREEN, BLUE, GREY], 40)


@pytest.mark.parametrize("max_side", [31, 1, 0, -5])
def test_a_max_side_that_is_too_small_is_refused(max_side):
    refused = refusal(encoded(corners(), "PNG"), max_side=max_side)
    assert (refused.code, refused.status) == ("max-side-invalid", 422)
    assert str(max_side) in refused.message


def test_a_picture_that_is_too_small_is_refused():
    assert pictures.read(encoded(corners(32, 32), "PNG")).size == (32, 32)
    refused = refusal(encoded(corners(64, 31), "PNG"))
    assert (refused.code, refused.status) == ("picture-too-small", 422)
    assert "64×31" in refused.message
    sideways = Image.Exif()
    sideways[ExifTags.Base.Orientation] = 6
    for kind in ("JPEG", "TIFF"):
        turned = encoded(corners(64, 31), kind, exif=sideways)
        assert "31×64 after turning it as the file asks;" in refusal(turned).message
    assert "640×31;" in refusal(encoded(corners(640, 31), "PNG"), max_side=64).message


@pytest.mark.parametrize("kind", ["PNG", "JPEG"])
def test_a_panorama_is_made_small_as_far_as_its_shorter_side_allows(kind):
    for wide, small in (((8000, 240), (1067, 32)), ((2000, 33), (1939, 32)), ((2000, 32), (2000, 32))):
        read = pictures.read(encoded(corners(*wide), kind), max_side=1024)
        assert read.size == small
        near(read, [RED, GREEN, BLUE, GREY], 40)
        assert pictures.read(encoded(corners(*wide[::-1]), kind), max_side=1024).size == small[::-1]


def told(kind):
    """A picture that carries all it can say about who took it and where."""
    exif = Image.Exif()
    exif[ExifTags.Base.Make] = "SECRET"
    options = {"exif": exif, "icc_profile": b"SECRET" * 30}
    if kind == "PNG":
        options["pnginfo"] = PngImagePlugin.PngInfo()
        options["pnginfo"].add_text("Comment", "SECRET")
    if kind == "JPEG":
        options |= {"comment": b"SECRET", "xmp": b"SECRET", "dpi": (300, 300)}
    if kind == "WEBP":
        options["xmp"] = b"SECRET"
    return encoded(corners(), kind, **options)


@pytest.mark.parametrize("given", ["PNG", "JPEG", "WEBP", "TIFF"])
@pytest.mark.parametrize("written", pictures.FORMATS)
def test_what_a_picture_says_about_its_maker_does_not_survive(given, written):
    data = told(given)
    assert b"SECRET" in data
    read = pictures.read(data)
    assert read.info == {}
    assert dict(read.getexif()) == {}
    assert b"SECRET" not in pictures.write(read, written)


@pytest.mark.parametrize(("kind", "off"), [("png", 0), ("jpeg", 12), ("webp", 40)])
def test_what_is_written_is_the_picture_in_that_format(kind, off):
    data = pictures.write(corners(), kind, 95)
    with Image.open(io.BytesIO(data)) as opened:
        assert opened.format.lower() == kind
        assert Image.MIME[opened.format] == pictures.FORMATS[kind]
        assert opened.size == (64, 48)
    near(pictures.read(data), [RED, GREEN, BLUE, GREY], off)


def test_transparency_is_written_where_there_is_room_for_it():
    layered = see_through("RGBA")
    for kind in ("png", "webp"):
        with Image.open(io.BytesIO(pictures.write(layered, kind))) as opened:
            assert opened.getchannel("A").tobytes() == layered.getchannel("A").tobytes()
    near(pictures.read(pictures.write(layered, "jpeg", 95)), [RED, (255, 255, 255), BLUE, (255, 255, 255)])


@pytest.mark.parametrize("kind", ["jpeg", "webp"])
def test_lower_quality_is_a_smaller_file(kind):
    photo = pictures.read((STATIC / "samples" / "chelsea.jpg").read_bytes(), max_side=200)
    sizes = [len(pictures.write(photo, kind, quality)) for quality in (1, 40, 90, 100)]
    assert sizes == sorted(set(sizes))


@pytest.mark.parametrize("kind", ["gif", "PNG", "", "x" * 1000])
def test_a_format_we_cannot_write_is_refused(kind):
    with pytest.raises(DynamicNetError, match="choose png, jpeg, webp") as refused:
        pictures.write(corners(), kind)
    assert (refused.value.code, refused.value.status) == ("format-unknown", 406)
    assert len(refused.value.message) < 100


@pytest.mark.parametrize("quality", [0, 101, -1])
def test_a_quality_out_of_range_is_refused(quality):
    with pytest.raises(DynamicNetError, match=f"1 to 100; got {quality}") as refused:
        pictures.write(corners(), "jpeg", quality)
    assert refused.value.code == "quality-invalid"


@pytest.mark.parametrize(("kind", "longest"), [("jpeg", 65_500), ("webp", 16_383)])
def test_a_picture_longer_than_the_format_allows_is_refused(kind, longest):
    assert pictures.write(Image.new("RGB", (longest, 32)), kind)
    with pytest.raises(DynamicNetError, match=f"give max_side {longest}, or choose another format") as refused:
        pictures.write(Image.new("RGB", (longest + 1, 32)), kind)
    assert (refused.value.code, refused.value.status) == ("picture-too-large", 422)


def test_a_picture_goes_through_tensors_unchanged():
    tensor = pictures.to_tensor(corners())
    assert (tensor.shape, tensor.dtype) == ((1, 3, 48, 64), torch.float32)
    assert (tensor.min(), tensor.max()) == (0, 1)
    assert tensor[0, :, 3, 60].tolist() == [0, 1, 0]
    assert pictures.to_picture(tensor).tobytes() == corners().tobytes()


def test_a_tensor_beyond_black_and_white_is_clamped():
    tensor = torch.tensor([-3.0, 0.5, 7.0]).view(1, 3, 1, 1).expand(1, 3, 2, 2)
    assert pictures.to_picture(tensor).getpixel((0, 0)) == (0, 128, 255)


@pytest.mark.parametrize(
    ("size", "short", "wanted"), [((64, 48), 24, (32, 24)), ((48, 64), 96, (96, 128)), ((451, 300), 64, (96, 64))]
)
def test_fit_scales_the_shorter_side(size, short, wanted):
    assert pictures.fit(corners(*size), short).size == wanted


@pytest.mark.parametrize("mode", ["L", "RGB", "RGBA"])
@pytest.mark.parametrize("size", [(1, 1), (7, 3), (301, 200)])
def test_a_png_holds_every_pixel_for_readers_of_other_makers(mode, size):
    """Noise, which no compressor makes smaller, and a photograph."""
    rng = np.random.default_rng(0)
    noise = Image.frombytes(mode, size, rng.bytes(size[0] * size[1] * len(mode)))
    with Image.open(STATIC / "samples" / "chelsea.jpg") as opened:
        photo = opened.convert(mode).resize(size)
    for picture in (noise, photo):
        data, pixels = pictures.write(picture), np.asarray(picture)
        with Image.open(io.BytesIO(data)) as opened:
            assert opened.mode == mode
            assert np.array_equal(np.asarray(opened), pixels)
        other = pyvips.Image.pngload_buffer(data, fail_on="warning").numpy()
        assert np.array_equal(other.reshape(pixels.shape), pixels)


def test_a_map_is_made_smaller_as_the_photograph_is():
    file = pictures.write(Image.new("L", (200, 100)))
    assert pictures.read_where(file, 64, 5_000).picture.size == (64, 32)
    with pytest.raises(DynamicNetError, match=r"^The map where is 200.100, more than 0\.005 million pixels;"):
        pictures.read_where(file, None, 5_000)


def test_either_resolution_of_exif_is_kept_where_a_jpeg_has_it_nowhere_else():
    exif = Image.Exif()
    exif.update({ExifTags.Base.XResolution: 400.0, ExifTags.Base.YResolution: 200.0, ExifTags.Base.ResolutionUnit: 2})
    file = io.BytesIO()
    Image.new("RGB", (64, 48)).save(file, "JPEG", exif=exif)
    assert pictures.read_layers(file.getvalue()).metadata.dpi == (400, 200)


@pytest.mark.parametrize("curve", [1.0, 1.8])
def test_shadows_of_grey_in_light_are_as_bright_as_they_are(curve):
    numbers = np.arange(256, dtype=np.uint8).repeat(8).reshape(64, -1)
    file = io.BytesIO()
    Image.fromarray(numbers).save(file, "TIFF", icc_profile=icc.grey_profile(curve, "grey"))
    light = (numbers / 255) ** curve
    wanted = 255 * np.where(light <= 0.0031308, light * 12.92, 1.055 * light ** (1 / 2.4) - 0.055)
    assert np.abs(np.asarray(pictures.read(file.getvalue()))[..., 0] - wanted).max() <= 1


@pytest.mark.parametrize(("orientation", "dpi"), [(1, (300, 150)), (3, (300, 150)), (6, (150, 300))])
def test_the_resolution_is_turned_with_a_tiff(orientation, dpi):
    exif = Image.Exif()
    exif[ExifTags.Base.Orientation] = orientation
    file = io.BytesIO()
    Image.new("RGB", (64, 48)).save(file, "TIFF", exif=exif, dpi=(300, 150))
    assert pictures.read_layers(file.getvalue()).metadata.dpi == dpi
