"""PNG files of rendered pictures, beside Pillow's."""

import io
from collections.abc import Sequence
from statistics import mean

from PIL import Image

from bench.timing import alternate
from dynamicnet import Inputs, Model, pictures


def png(models: Sequence[Model], photo: bytes) -> tuple[float, float, float]:
    """Of a render of each model.

    Returns:
        Mean ms to encode one as Pillow does, and as we do; and the largest of our files' shares of Pillow's size.
    """
    rendered = [model.render(model.prepare(model.encode(Inputs(image=photo))), 0.5) for model in models]
    writers = {"Pillow": _pillow, "ours": pictures.write}
    times = [alternate({name: lambda w=write, p=one: w(p) for name, write in writers.items()}) for one in rendered]
    sizes = [len(pictures.write(one)) / len(_pillow(one)) for one in rendered]
    return mean(each["Pillow"] for each in times), mean(each["ours"] for each in times), max(sizes)


def _pillow(picture: Image.Image) -> bytes:
    out = io.BytesIO()
    picture.save(out, "PNG", compress_level=1)
    return out.getvalue()
