"""What a caller may say about α, checked, and the tensors it becomes.

Every form of α is one tensor of four dimensions, each 1 where α does not vary along it:

    (pictures of the batch, insertion points, height, width)

so forms combine by broadcasting: ``per_picture([0.2, 0.9]) * per_point([1, 1, 0.5])``.
"""

import json
from collections.abc import Mapping, Sequence

import torch
from torch import Tensor

from dynamicnet.errors import DynamicNetError, quoted
from dynamicnet.method.blocks import AxisSpec

AxisAlpha = float | Sequence[float] | Tensor
"""α of one axis: a number, a number per insertion point, or a tensor of four dimensions."""

AlphaLike = AxisAlpha | Mapping[str, AxisAlpha]
"""α of the first axis, or of the axes named; an axis that is not named stays at 0."""

Alphas = dict[str, Tensor]
"""Checked α by axis id: float32 on the CPU, four dimensions."""


def per_point(values: Sequence[float]) -> Tensor:
    """One α per insertion point: shape (1, points, 1, 1)."""
    (points,) = (given := torch.tensor(values, dtype=torch.float32)).shape
    return given.view(1, points, 1, 1)


def per_picture(values: Sequence[float]) -> Tensor:
    """One α per picture of a batch: shape (pictures, 1, 1, 1)."""
    return torch.tensor(values, dtype=torch.float32).view(-1, 1, 1, 1)


def over_picture(values: Tensor) -> Tensor:
    """A map over the picture, (H, W) in the picture's own coordinates: shape (1, 1, H, W)."""
    return torch.as_tensor(values, dtype=torch.float32)[None, None]


AUTO = "auto"
"""What people type for α to be found for them; see :mod:`dynamicnet.method.auto`."""

Typed = float | str | Sequence[float] | Mapping[str, float | str | Sequence[float]]
"""What people type: of the first axis, or by axis; a number, a number per insertion point, or ``AUTO``."""


def parse(text: str, what: str = "alpha") -> Typed:
    """Read α as people type it: ``0.6``, ``0.2,0.5,0.9``, ``auto`` or JSON by axis such as ``{"strength": 0.6}``.

    Args:
        text: what was typed.
        what: what it is called in errors.

    Raises:
        DynamicNetError: ``alpha-not-understood``.
    """
    text = text.strip()
    if text == AUTO:
        return AUTO
    try:
        if text.startswith("{"):
            given = json.loads(text)
            return {str(axis): _numbers(value) for axis, value in given.items()}
        numbers = [float(part) for part in text.split(",")]
        return numbers[0] if len(numbers) == 1 else numbers
    except (ValueError, TypeError, OverflowError, RecursionError):
        raise DynamicNetError(
            f"{what}-not-understood",
            f"Cannot read {what} {quoted(text)}: give a number (0.6), one per insertion point (0.2,0.5,0.9) "
            'or JSON by axis ({"strength": 0.6}).',
        ) from None


def _numbers(value: object) -> float | str | list[float]:
    if value == AUTO:
        return AUTO
    return [_number(v) for v in value] if isinstance(value, list) else _number(value)


def _number(value: object) -> float:
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise TypeError
    return float(value)


def defaults(axes: Sequence[AxisSpec]) -> dict[str, float]:
    """α as the model's maker set it: each axis at its default."""
    return {axis.id: axis.default for axis in axes}


def axis_named(axis_id: str, axes: Sequence[AxisSpec]) -> AxisSpec:
    """One of these axes.

    Raises:
        DynamicNetError: ``alpha-unknown-axis``.
    """
    for axis in axes:
        if axis.id == axis_id:
            return axis
    known = ", ".join(axis.id for axis in axes)
    raise DynamicNetError("alpha-unknown-axis", f"There is no axis {quoted(axis_id, 40)} here; the axes are: {known}.")


def at_position(position: Typed, axes: Sequence[AxisSpec]) -> dict[str, float | Sequence[float]]:
    """α at positions of sliders that feel even, each from 0 (low end) to 1 (high end); see :class:`AxisSpec`.

    Raises:
        DynamicNetError: ``position-out-of-range`` or ``alpha-unknown-axis``.
    """

    def one(axis: AxisSpec, value: float | str) -> float:
        if isinstance(value, str) or not 0 <= value <= 1:
            raise DynamicNetError("position-out-of-range", f"position {value} of axis '{axis.id}' must be from 0 to 1.")
        return axis.alpha_at(value)

    alphas: dict[str, float | Sequence[float]] = {}
    for axis_id, value in (position if isinstance(position, Mapping) else {axes[0].id: position}).items():
        axis = axis_named(axis_id, axes)
        alphas[axis_id] = one(axis, value) if isinstance(value, str | float | int) else [one(axis, v) for v in value]
    return alphas


def choose(alpha: str | None, position: str | None, axes: Sequence[AxisSpec]) -> Typed:
    """α from what people type as α or as a position; the axes' defaults where they type neither.

    Raises:
        DynamicNetError: ``alpha-and-position``, or as :func:`parse` and :func:`at_position`.
    """
    if alpha is not None and position is not None:
        raise DynamicNetError("alpha-and-position", "Give alpha or position, not both.")
    if position is not None:
        return at_position(parse(position, "position"), axes)
    return defaults(axes) if alpha is None else parse(alpha)


def resolve(alpha: AlphaLike, axes: Sequence[AxisSpec], pictures: int, size: tuple[int, int] | None = None) -> Alphas:
    """Check α and bring it to one form.

    Args:
        alpha: what the caller said.
        axes: the axes of the model, in order.
        pictures: how many pictures the prepared batch holds; a single one may be rendered with many α.
        size: (H, W) of the pictures, which a map must match; None where maps mean nothing.

    Returns:
        α by axis id, without the axes that are one 0 for all pictures. No gradient goes through it.

    Raises:
        DynamicNetError: ``alpha-unknown-axis``, ``alpha-wrong-length``, ``alpha-wrong-size``,
            ``alpha-not-finite`` or ``alpha-out-of-range``; the sentence names the axis and its range.
    """
    by_axis = alpha if isinstance(alpha, Mapping) else {axis.id: alpha for axis in axes[:1]}
    resolved: Alphas = {}
    for axis_id, value in by_axis.items():
        tensor = _check(value, axis_named(axis_id, axes), pictures, size)
        if tensor.shape[0] != 1 or bool((tensor != 0).any()):
            resolved[axis_id] = tensor
    counts = {tensor.shape[0] for tensor in resolved.values()} - {1}
    if len(counts) > 1:
        raise DynamicNetError(
            "alpha-wrong-length", f"The axes name alpha for different numbers of pictures: {sorted(counts)}."
        )
    return resolved


def _check(value: AxisAlpha, axis: AxisSpec, pictures: int, size: tuple[int, int] | None) -> Tensor:
    low, high = axis.range
    points = len(axis.blocks)
    where = f"axis '{axis.id}' (range {low:g} to {high:g}, {points} insertion points)"
    if not isinstance(value, Tensor) and hasattr(value, "tolist"):
        value = value.tolist()  # NumPy's
    if isinstance(value, Tensor):
        tensor = value.detach().to("cpu", torch.float32)
    else:
        try:
            tensor = per_point(value if isinstance(value, Sequence) else [value])
        except (TypeError, ValueError):
            raise DynamicNetError("alpha-invalid", f"alpha for {where} is numbers, not {value!r}.") from None
    if tensor.dim() == 0:
        tensor = tensor.view(1, 1, 1, 1)
    if tensor.dim() != 4 or tensor.shape[1] not in (1, points):
        given = tensor.shape[1] if tensor.dim() == 4 else "a tensor of another form"
        raise DynamicNetError(
            "alpha-wrong-length",
            f"alpha for {where} takes one number or {points}, one per insertion point; got {given}.",
        )
    if (pictures != 1 and tensor.shape[0] not in (1, pictures)) or tensor.shape[0] == 0:
        raise DynamicNetError(
            "alpha-wrong-length", f"alpha for {where} is for {tensor.shape[0]} pictures; there are {pictures}."
        )
    if tensor.shape[2:] != (1, 1) and tuple(tensor.shape[2:]) != size:
        raise DynamicNetError(
            "alpha-wrong-size",
            f"The alpha map for {where} is {tensor.shape[3]}×{tensor.shape[2]}; it must have the picture's size.",
        )
    if not bool(torch.isfinite(tensor).all()):
        raise DynamicNetError("alpha-not-finite", f"alpha for {where} must be a finite number.")
    if bool((tensor < low).any()) or bool((tensor > high).any()):
        worst = tensor.flatten()[(tensor.flatten() - (low + high) / 2).abs().argmax()].item()
        raise DynamicNetError("alpha-out-of-range", f"alpha {worst:g} is out of range for {where}.")
    return tensor
