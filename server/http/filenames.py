"""What a picture is called when it is kept: Content-Disposition, safe for every model's name."""

import re
from collections.abc import Mapping
from urllib.parse import quote

from dynamicnet.method.alpha import AxisAlpha


def disposition(model_id: str, alpha: Mapping[str, AxisAlpha], suffix: str) -> str:
    """The header of a picture: shown where it is asked for, and kept under its model's name with α.

    Args:
        model_id: of the model.
        alpha: of every axis; of a single one its name is left out, of several those that are at 0.
        suffix: of the file, without the dot.

    Returns:
        Both forms of RFC 6266: ASCII for all, and UTF-8 for those that read it.
    """
    values = {axis: "_".join(f"{round(v, 2):g}" for v in _numbers(value)) for axis, value in alpha.items()}
    moved = [word for axis, value in values.items() if any(_numbers(alpha[axis])) for word in (axis, value)]
    words = moved if len(values) > 1 and moved else list(values.values())[:1]
    name = f"{'-'.join([model_id, *words])}.{suffix}"
    plain = re.sub(r"[^A-Za-z0-9._-]", "_", name)
    return f"inline; filename=\"{plain}\"; filename*=UTF-8''{quote(name, safe='', errors='replace')}"


def _numbers(value: AxisAlpha) -> list[float]:
    return [value] if isinstance(value, int | float) else list(map(float, value))
