"""Which picture format a client wants, by its Accept header (RFC 9110 section 12.5.1)."""

from dynamicnet import DynamicNetError
from dynamicnet.pictures import FORMATS


def choose_format(accept: str) -> str:
    """The format of :data:`dynamicnet.pictures.FORMATS` that an Accept header prefers; the first in a tie.

    Raises:
        DynamicNetError: ``not-acceptable``, the header admits none of them.
    """
    ranges = dict(parsed for part in accept.split(",") if (parsed := _parse(part)))
    if not ranges:
        return next(iter(FORMATS))
    weights = {name: _weight(media, ranges) for name, media in FORMATS.items()}
    best = max(weights, key=lambda name: weights[name])
    if weights[best] == 0:
        raise DynamicNetError(
            "not-acceptable", f"Accept admits none of {', '.join(FORMATS.values())}; admit one, or send format.", 406
        )
    return best


def _parse(part: str) -> tuple[str, float] | None:
    """One media range and its q; None if it is not well-formed."""
    media, *params = (piece.strip().lower() for piece in part.split(";"))
    try:
        weight = next((float(param[2:]) for param in params if param.startswith("q=")), 1.0)
    except ValueError:
        return None
    return (media, weight) if "/" in media and 0 <= weight <= 1 else None


def _weight(media: str, ranges: dict[str, float]) -> float:
    """The q of the most specific range that a media type is in."""
    kind = media.split("/")[0]
    return next((ranges[name] for name in (media, f"{kind}/*", "*/*") if name in ranges), 0.0)
