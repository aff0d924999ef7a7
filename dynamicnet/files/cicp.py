"""Colours said in code points (ITU-T H.273), as PNG's cICP and the boxes of AVIF and HEIF say them."""

from dynamicnet.errors import DynamicNetError
from dynamicnet.files import icc
from dynamicnet.files.icc import BT709, Primaries

C, DCI = (0.310, 0.316), (0.314, 0.351)

PRIMARIES = {
    1: BT709,
    4: Primaries((0.67, 0.33), (0.21, 0.71), (0.14, 0.08), C),
    5: Primaries((0.64, 0.33), (0.29, 0.60), (0.15, 0.06)),
    6: Primaries((0.630, 0.340), (0.310, 0.595), (0.155, 0.070)),
    7: Primaries((0.630, 0.340), (0.310, 0.595), (0.155, 0.070)),
    8: Primaries((0.681, 0.319), (0.243, 0.692), (0.145, 0.049), C),
    9: Primaries((0.708, 0.292), (0.170, 0.797), (0.131, 0.046)),
    11: Primaries((0.680, 0.320), (0.265, 0.690), (0.150, 0.060), DCI),
    12: Primaries((0.680, 0.320), (0.265, 0.690), (0.150, 0.060)),
    22: Primaries((0.630, 0.340), (0.295, 0.605), (0.155, 0.077)),
}

FILM = 2.4
"""What screens make of the camera curves of BT.709 and BT.2020 (BT.1886), and browsers of still pictures."""

CURVES: dict[int, float | icc.Array] = {
    1: FILM,
    4: 2.2,
    5: 2.8,
    6: FILM,
    8: 1.0,
    13: icc.srgb_curve(),
    14: FILM,
    15: FILM,
}

HDR = {16: "PQ", 18: "HLG"}


def profile(primaries: int, transfer: int) -> bytes | None:
    """The profile of two code points; None for those that say nothing, or that nobody uses.

    Raises:
        DynamicNetError: ``picture-unreadable``, they are of a high dynamic range.
    """
    if transfer in HDR:
        raise DynamicNetError(
            "picture-unreadable",
            f"This picture is of a high dynamic range ({HDR[transfer]}), which a photograph of 8 bits has no room for; "
            "export it in SDR and send that.",
            415,
        )
    if primaries not in PRIMARIES or transfer not in CURVES:
        return None
    return icc.profile(PRIMARIES[primaries], CURVES[transfer], f"CICP {primaries} {transfer}")
