"""Files of every kind that can be written, beside the numbers that were written and libvips (`tests/corpus.py`)."""

import independent
import pytest
from corpus import CORPUS, FORMATS, differences, read

from dynamicnet import DynamicNetError, decode, pictures


def test_the_corpus_is_large_enough():
    assert len(CORPUS) >= 400


@pytest.mark.parametrize("name", CORPUS)
def test_a_file_comes_out_right_or_is_refused_with_the_reason(name):
    file = CORPUS[name]()
    if isinstance(file.shows, str):
        with pytest.raises(DynamicNetError) as refused:
            read(file)
        assert (refused.value.code, refused.value.status) == ("picture-unreadable", 415)
        assert file.shows in refused.value.message
        assert "damaged" not in refused.value.message
        return
    picture = read(file)
    colours, opacity = differences(picture, file.shows)
    assert colours <= file.off
    assert opacity <= 1
    if file.vips:
        assert independent.off(picture, independent.vips(file.data)) <= 1


@pytest.mark.parametrize(
    ("name", "note"),
    {
        "PNG, animated": "3 frames; the first",
        "WebP, animated": "3 frames; the first",
        "AVIF, animated": "3 frames; the first",
        "GIF, animated": "3 frames; the first",
        "TIFF, pages": "3 pages; the first",
        "TIFF, RGB and opacity that is not said to be": "fourth channel is; it was taken for opacity",
        "HEIC, two pictures, the second is the main one": "2 pictures; the main one",
    }.items(),
)
def test_what_is_left_out_is_said(name, note):
    (sentence,) = decode.decode(CORPUS[name]().data, None, 25_000_000, "picture").notes
    assert note in sentence


@pytest.mark.parametrize("kind", FORMATS)
def test_decoders_of_their_own_make_the_same_of_it(kind):
    file = next(make for name, make in CORPUS.items() if name.startswith(f"{kind}, "))()
    assert pictures.read_layers(file.data).picture.tobytes() == read(file).tobytes()
