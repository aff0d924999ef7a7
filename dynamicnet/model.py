"""A model ready for use: the one road from what a person sends to the picture they get back."""

from collections.abc import Mapping, Sequence
from contextlib import nullcontext, suppress
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path
from typing import TypeVar, cast

import torch
from PIL import Image
from torch import Tensor, nn

from dynamicnet import package
from dynamicnet.applications import APPLICATIONS, Encoded, Inputs
from dynamicnet.decode import MOST_DECODED
from dynamicnet.errors import DynamicNetError
from dynamicnet.method import recorded
from dynamicnet.method.alpha import AlphaLike, resolve
from dynamicnet.method.auto import RENDERED_SIDE, Auto
from dynamicnet.method.blocks import AxisSpec
from dynamicnet.method.dynamic import Prepared
from dynamicnet.method.pieces import Pieces, each_within, finish
from dynamicnet.method.strips import enlarged
from dynamicnet.method.tiles import SIDE, Place, cut, tiles
from dynamicnet.networks.layers import laid_over
from dynamicnet.networks.strokes import carried_up
from dynamicnet.package import Manifest
from dynamicnet.pictures import MAX_PIXELS, in_levels, in_units
from dynamicnet.precision import autocast

LAYOUT = torch.channels_last
"""How parameters and features lie in memory: convolutions of few channels are several times as fast so."""

WHOLE = 2**22
"""Pixels of a picture that is prepared, at most; a larger one is worked at in tiles or strips, if it can be."""

BATCH_PIXELS = {"cpu": 2**18, "cuda": 2**21}
"""How many pixels are rendered as one batch: one picture of 512×512, or eight. More saves little; others wait."""


Placed = TypeVar("Placed", bound=nn.Module)


def placed(module: Placed, device: torch.device) -> Placed:
    """A module on a device, its parameters in :data:`LAYOUT`."""
    return module.to(device, memory_format=LAYOUT)  # type: ignore[call-overload, no-any-return]  # torch's stubs lack it


def pick_device(name: str = "auto") -> torch.device:
    """``auto`` is CUDA where there is one, else the CPU; anything else is torch's own name of a device.

    Raises:
        DynamicNetError: ``device-unknown``.
    """
    if name == "auto":
        return torch.device("cuda" if torch.cuda.is_available() else "cpu")
    try:
        return torch.empty(0, device=name).device
    except (RuntimeError, AssertionError):
        raise DynamicNetError(
            "device-unknown", f"There is no device '{name}' here; auto takes what there is.", 500
        ) from None


@dataclass(frozen=True)
class PreparedInputs:
    """What a person sent, ready to be rendered at any α.

    Attributes:
        prepared: on the model's device; None for what is rendered tile by tile, each prepared when its turn comes.
        encoded: what it was prepared from, on the CPU.
    """

    prepared: Prepared | None
    encoded: Encoded

    @property
    def bytes(self) -> int:
        """How much memory it takes, about: that of its tensors, and of the picture it came from, in each space."""
        one, (width, height) = self.encoded, self.encoded.size
        held = (one.batch, one.full, *(one.context if isinstance(one.context, tuple) else ()))
        encoded = sum(tensor.nbytes for tensor in held if isinstance(tensor, Tensor))
        rest = 5 * width * height + (one.own.bytes if one.own else 0)  # pictures, with their opacity
        return (self.prepared.bytes if self.prepared else 0) + encoded + rest

    @property
    def shape(self) -> tuple[int, ...]:
        """What is of one shape, in one model, can be rendered as one batch."""
        one = self.prepared
        return (*one.z.shape[1:], *(one.full or ())) if one else self.encoded.batch.shape[1:]

    @property
    def in_srgb(self) -> "PreparedInputs":
        """The same, to be rendered in sRGB, where the picture's own space would be kept."""
        return replace(self, encoded=replace(self.encoded, own=None))


class Model:
    """A package on a device: ``encode``, ``prepare`` once, then ``render`` for every α.

    ::

        model = Model.load(Path("weights/starry-night"))
        prepared = model.prepare(model.encode(Inputs(image=Path("photo.jpg").read_bytes())))
        model.render(prepared, 0.6).save("out.png")
    """

    def __init__(self, loaded: package.Package, device: torch.device) -> None:
        """Put a package on a device.

        Raises:
            DynamicNetError: ``package-invalid``, the package names an application that does not exist.
        """
        name = loaded.manifest.application
        if name not in APPLICATIONS:
            raise DynamicNetError(
                "package-invalid",
                f"The model package '{loaded.id}' is not valid: there is no application '{name}'; "
                f"there are {', '.join(APPLICATIONS)}.",
                500,
            )
        self.id = loaded.id
        self.version = loaded.version
        self.manifest: Manifest = loaded.manifest
        self.application = APPLICATIONS[name]
        self.device = device
        self.folder = loaded.folder
        self.net = placed(loaded.net, device)
        self.bytes = sum(tensor.nbytes for tensor in self.net.state_dict().values())

    @classmethod
    def load(cls, folder: str | Path, device: str = "auto") -> "Model":
        """Read a package and put it on a device.

        Raises:
            DynamicNetError: ``package-missing``, ``package-invalid`` or ``device-unknown``.
        """
        return cls(package.load(Path(folder)), pick_device(device))

    def leave(self) -> None:
        """Free the memory its parameters take; until it comes back, it can encode and nothing else."""
        self.net = self.net.to("meta")

    def come(self) -> None:
        """Come back to the device, from the package, if it has left.

        Raises:
            DynamicNetError: ``model-replaced``, the package can no longer be read, or is another by now.
        """
        if not next(self.net.parameters()).is_meta:
            return
        with suppress(DynamicNetError):  # which says where packages are
            loaded = package.load(self.folder)
            if loaded.version == self.version:
                self.net = placed(loaded.net, self.device)
                return
        raise DynamicNetError("model-replaced", f"The model '{self.id}' was replaced; open it again.", 409)

    @property
    def max_pixels(self) -> int:
        """How many pixels a picture may have, where memory is the limit: many of what need not be worked at whole."""
        return MAX_PIXELS if self.net.reach is None and not self.net.network.gated else MOST_DECODED

    def encode(self, inputs: Inputs) -> Encoded:
        """What a person sent, as what ``prepare`` takes, on the CPU: :meth:`encoding`, run to its end."""
        return finish(self.encoding(inputs))

    def encoding(self, inputs: Inputs) -> Pieces[Encoded]:
        """The same in pieces, none of which needs the device.

        Raises:
            DynamicNetError: the inputs cannot be used.
        """
        most = min(inputs.max_pixels, self.max_pixels)
        return (yield from self.application.encode(replace(inputs, max_pixels=most), self.net.network))

    def prepare(self, encoded: Encoded) -> PreparedInputs:
        """Everything that does not depend on α: :meth:`preparing`, run to its end."""
        return finish(self.preparing(encoded))

    @torch.inference_mode()
    def preparing(self, encoded: Encoded) -> Pieces[PreparedInputs]:
        """Everything that does not depend on α, some ψ(z) aside in float32: see :func:`dynamicnet.precision.autocast`.

        In pieces, on one thread and between any of which that thread may do other work.

        Of what is worked at in tiles or strips, see :data:`WHOLE`, nothing is prepared: its features would take ten
        times as much memory.
        """
        if encoded.batch.dim() == 4 and encoded.batch[0, 0].numel() > WHOLE and self.is_divisible:
            return PreparedInputs(None, encoded)
        batch = self._placed(encoded.batch)
        full = None if encoded.full is None or encoded.in_strips else self._placed(encoded.full)
        # Where all that follows is normalised, what the first ψ(z) rounds off grows.
        within = nullcontext if self.net.reach is None else self._autocast
        prepared = yield from self.net.preparing(batch, full, over=encoded.in_strips, within=within)
        return PreparedInputs(prepared, encoded)

    def render(self, prepared: PreparedInputs, alpha: AlphaLike) -> Image.Image:
        """Everything that does: RGB, or RGBA where the photograph is transparent; sRGB, or of ``info["icc_profile"]``.

        Raises:
            DynamicNetError: α cannot be used.
        """
        return self.render_together([(prepared, alpha)])[0]

    def choose(self, inputs: Inputs, auto: Auto) -> float:
        """The α that was left to us, for these very inputs.

        Raises:
            DynamicNetError: the inputs cannot be used.
        """
        if auto.axis.guess:
            return self.guess(self.encode(inputs), auto.axis)
        small = self.prepare(self.encode(inputs.at_most(RENDERED_SIDE, self.application.takes)))
        return auto.pick([self.render(small, alpha) for alpha in auto.candidates()])

    @torch.inference_mode()
    def guess(self, encoded: Encoded, axis: AxisSpec) -> float:
        """α of an axis that is read off the picture: off its middle, where it is a large one."""
        given = encoded.batch
        rows, columns = (slice(max(0, side - SIDE) // 2, (side + SIDE) // 2) for side in given.shape[2:])
        return round(float(self.net.guess(self._placed(cut(given, (rows, columns))), axis)[0]), 3)

    def together(self, size: tuple[int, int]) -> int:
        """How many pictures of a (width, height) are rendered as one batch: at least one."""
        return max(1, BATCH_PIXELS.get(self.device.type, BATCH_PIXELS["cpu"]) // (size[0] * size[1]))

    def render_together(self, batch: Sequence[tuple[PreparedInputs, AlphaLike]]) -> list[Image.Image]:
        """The same for several inputs of one shape at once: :meth:`rendering`, run to its end."""
        return finish(self.rendering(batch))

    @torch.inference_mode()
    def rendering(self, batch: Sequence[tuple[PreparedInputs, AlphaLike]]) -> Pieces[list[Image.Image]]:
        """The same in pieces, on one thread and between any of which that thread may do other work.

        Raises:
            DynamicNetError: α cannot be used; before the first piece ends.
        """
        for one, alpha in batch:
            values = alpha.values() if isinstance(alpha, Mapping) else (alpha,)
            given = max(
                (value.shape[0] for value in values if isinstance(value, Tensor) and value.dim() == 4), default=1
            )
            if given > (count := one.encoded.batch.shape[0]):  # a picture comes out, not several
                raise DynamicNetError(
                    "alpha-wrong-length",
                    f"alpha is for {given} pictures, and there is {count}: render each α by itself.",
                )
        whole = [(one.prepared, alpha) for one, alpha in batch if one.prepared]
        if whole:
            outputs = yield from each_within(self._autocast, self.net.rendering(whole))
        else:
            outputs = []
            divided = self._in_strips if self.net.reach is None else self._in_tiles
            for one, alpha in batch:
                outputs.append((yield from divided(one, alpha)))
        pictures = []
        for out, (one, _) in zip(outputs, batch, strict=True):
            shown = out if out.dtype == torch.uint8 else (yield from self._shown(out, one.encoded))
            yield
            pictures.append((yield from self.application.decode(shown, one.encoded)))
        return pictures

    def _autocast(self) -> torch.autocast:
        if self.net.network.latent:  # a seed makes the same picture everywhere: in bfloat16, up to 10 of 255 another
            return torch.autocast(self.device.type, enabled=False)
        return autocast(self.device)

    def _placed(self, batch: Tensor) -> Tensor:
        return in_units(batch.to(self.device, memory_format=LAYOUT if batch.dim() == 4 else torch.preserve_format))

    def _in_tiles(self, one: PreparedInputs, alpha: AlphaLike) -> Pieces[Tensor]:
        """What is to be seen of a large picture, as levels on the CPU."""
        given = one.encoded.batch
        size = (given.shape[2], given.shape[3])
        checked = resolve(alpha, self.net.specs, given.shape[0], size)
        made = torch.empty_like(given)
        for tile in tiles(size, cast(int, self.net.reach), self.net.network.multiple, SIDE):
            here = {axis: cut(values, tile.given) for axis, values in checked.items()}
            prepared = yield from self.net.preparing(
                self._placed(cut(given, tile.given)), alphas=here, within=self._autocast
            )
            (out,) = yield from each_within(self._autocast, self.net.rendering([(prepared, here)]))
            yield
            cut(made, tile.kept).copy_(self._levels(cut(out, tile.part), one.encoded, tile.kept))
        return made

    def _in_strips(self, one: PreparedInputs, alpha: AlphaLike) -> Pieces[Tensor]:
        """The same where a network looks at all of the picture; what it painted, of what is laid over a larger one."""
        given, over = one.encoded.batch, one.encoded.in_strips
        out = yield from recorded.ready((yield from self._recorded(given, alpha, over=over)))
        made = torch.empty(out.shape, dtype=out.dtype) if over else torch.empty_like(given)
        for rows in out.strips():
            yield
            part = out.rows(rows.start, rows.stop)
            made[:, :, rows] = part if over else self._levels(part, one.encoded, (rows, slice(None)))
        return made

    def _recorded(self, given: Tensor, alpha: AlphaLike, *, over: bool = False) -> Pieces[Tensor]:
        """What the network would make of a picture, recorded.

        Raises:
            NotImplementedError: the network does what cannot be recorded.
        """
        picture = recorded.begin(lambda top, bottom: self._placed(given[:, :, top:bottom]), given.shape, self.device)
        prepared = yield from self.net.preparing(picture, over=over)
        (out,) = yield from each_within(self._autocast, self.net.rendering([(prepared, alpha)]))
        return out

    @cached_property
    def is_divisible(self) -> bool:
        """Whether a picture can be rendered in tiles or in strips, which is the same as the whole.

        It is tried once, which takes a second for the first model of a process.
        """
        if self.net.reach is not None:
            return True
        try:
            with torch.inference_mode():
                finish(self._recorded(torch.zeros(1, 3, 64, 64), {axis.id: axis.range[1] for axis in self.net.specs}))
        except Exception:  # whatever is in the way, it is rendered whole
            return False
        return True

    def _levels(self, output: Tensor, encoded: Encoded, place: Place) -> Tensor:
        """What is to be seen at a place of the picture, where the network made this of it."""
        if encoded.where is not None:
            photo, where = (self._placed(cut(one, place)) for one in (encoded.batch, encoded.where))
            output = _within(output, photo, where)
        return in_levels(output)

    def _shown(self, output: Tensor, encoded: Encoded) -> Pieces[Tensor]:
        """What is to be seen of what a network made; of what is laid over a larger picture, as levels on the CPU."""
        where = None if encoded.where is None else self._placed(encoded.where)
        if encoded.full is None or not encoded.in_strips:
            return output if where is None else _within(output, self._placed(encoded.batch), where)
        size = (encoded.full.shape[2], encoded.full.shape[3])
        made = torch.empty_like(encoded.full)
        painted = yield from carried_up(output.to(self.device).contiguous(), size)
        for rows in painted.strips():
            yield
            photo = in_units(encoded.full[:, :, rows].to(self.device).contiguous())
            shown = laid_over(painted.rows(rows), photo)
            if where is not None:
                shown = _within(shown, photo, enlarged(where, size, rows))
            made[:, :, rows] = in_levels(shown)
        return made


def _within(output: Tensor, photo: Tensor, where: Tensor) -> Tensor:
    """What the network made, as far as it is to be seen at each place, and the photograph elsewhere."""
    return torch.lerp(photo, output.float().clamp(0, 1), where)
