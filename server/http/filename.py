"""What a reply is called when it is saved: its model and its α."""

import re
from urllib.parse import quote

from dynamicnet.method.alpha import AxisAlpha
from server.engine.engine import AxisValues


def disposition(model_id: str, alpha: AxisValues, file_format: str, moved: str | None = None) -> str:
    """A Content-Disposition (RFC 6266): ``starry-night_strength=0.6.png``, and in ASCII for those who read no other.

    Args:
        model_id: a folder's name, in any script.
        alpha: of the axes, by id: numbers, or one for each insertion point.
        file_format: the ending.
        moved: the id of the axis that a sweep moves.
    """
    axes = [axis if axis == moved else f"{axis}={_rounded(value)}" for axis, value in alpha.items()]
    name = f"{'_'.join([model_id, *axes])}.{file_format}"
    plain = re.sub(r"[^A-Za-z0-9._=,-]", "_", name)
    return f"inline; filename=\"{plain}\"; filename*=UTF-8''{quote(name, safe='', errors='replace')}"


def _rounded(value: AxisAlpha) -> str:
    numbers = [value] if isinstance(value, int | float) else value
    return ",".join(f"{round(number, 2):g}" for number in numbers)
