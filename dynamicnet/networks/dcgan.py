"""The paper's generator (Radford, Metz, Chintala 2016; Dynamic-Net section 4.3)."""

from torch import Tensor, nn

from dynamicnet.networks.base import MainNetwork


class DcganNetwork(MainNetwork):
    """Five transposed convolutions, batch norm and ReLU after the first four, tanh after the last.

    Input: a latent (N, 100). Output: RGB (N, 3, 64, 64) in [0, 1], where the paper's code has [−1, 1].
    Batch norm uses the statistics it was trained with, as every package is loaded in evaluation mode.
    """

    latent = 100
    side = 64
    default_points = ("up16",)

    def __init__(self, channels: int = 128) -> None:
        """Build it; ``channels`` are those at 32×32, and twice as many at each stage before."""
        super().__init__()
        widths = {"start": 8 * channels, "up8": 4 * channels, "up16": 2 * channels, "up32": channels}
        self.stages = nn.ModuleDict()
        inputs = self.latent
        for name, outputs in widths.items():
            stride, padding = (1, 0) if name == "start" else (2, 1)
            self.stages[name] = nn.Sequential(
                nn.ConvTranspose2d(inputs, outputs, 4, stride, padding, bias=False), nn.BatchNorm2d(outputs), nn.ReLU()
            )
            inputs = outputs
        self.stages["out"] = nn.Sequential(nn.ConvTranspose2d(inputs, 3, 4, 2, 1, bias=False), nn.Tanh())
        self.points = widths

    def run(self, name: str, z: Tensor, seen: Tensor | None) -> Tensor:
        """Run one stage; the first makes a 1×1 map of the latent, the last brings its result to [0, 1]."""
        if name == "start":
            z = z[:, :, None, None]
        z = super().run(name, z, seen)
        return (z + 1) / 2 if name == "out" else z
