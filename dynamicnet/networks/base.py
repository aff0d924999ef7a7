"""What a main network is: a list of named stages."""

from collections.abc import Collection, Mapping

from torch import Tensor, nn

from dynamicnet.method.pieces import Pieces


class MainNetwork(nn.Module):
    """θ: an ordinary network, cut into stages whose names are the insertion points.

    A network says what it computes and nothing about α; DynamicNet runs its stages and tunes between them.

    Attributes:
        stages: the network in order.
        points: channels of the feature map after each stage that may be tuned.
        default_points: the insertion points an axis takes unless told otherwise.
        multiple: height and width of an input must be a multiple of this; DynamicNet pads and crops.
        inputs: channels of the picture that it is given.
        latent: how many numbers it makes a picture of; 0 for networks that are given a picture.
        side: of the square picture it makes of them, in pixels.
        gated: whether its last stage lays what those before it painted over the picture, and does nothing else, so
            that the picture may be larger: see :func:`dynamicnet.networks.layers.laid_over`.
        beyond: how many rows of its input a stage looks beyond those that it makes, at most; None for all of them.
    """

    stages: nn.ModuleDict
    points: Mapping[str, int]
    default_points: tuple[str, ...]
    multiple: int = 1
    inputs: int = 3
    latent: int = 0
    side: int = 0
    gated: bool = False
    beyond: int | None = None

    @property
    def drawn(self) -> int:
        """How many numbers are drawn of a seed: ``latent``, or that many of each latent that it chooses from."""
        return self.latent

    def look(self, inputs: Tensor) -> Pieces[dict[str, Tensor]]:
        """What stages make of the network's inputs alone, whatever comes out of the stage before them.

        Args:
            inputs: what the network was given.

        Returns:
            What ``run`` is to be told, (N, ...), by name of the stages that look at the inputs again.
        """
        return {}
        yield  # a generator

    def under(self, full: Tensor) -> Tensor:
        """What the last stage of a gated network is told of pictures (N, …, H', W') larger than those it was given."""
        return full

    def reach(self, tuned: Collection[str]) -> int | None:
        """How far from a place the inputs count for what comes out there, in pixels; None for however far.

        Args:
            tuned: the insertion points that have tuning-blocks, which do not normalise.
        """
        return None

    def run(self, name: str, z: Tensor, seen: Tensor | None) -> Tensor:
        """Run one stage.

        Args:
            name: which stage.
            z: the output of the stage before it; the inputs, for the first.
            seen: what ``look`` returned for it; None for stages that it does not name.
        """
        return self.stages[name](z)  # type: ignore[no-any-return]

    def running(self, name: str, z: Tensor, seen: Tensor | None) -> Pieces[Tensor]:
        """Run one stage, in pieces where it takes longer than one may."""
        yield
        return self.run(name, z, seen)
