"""The method itself: ẑ = z + Σ α·ψ(z), split into what depends on α and what does not."""

from collections import Counter

import pytest
import torch
import torch.nn.functional as F
from torch import nn

from dynamicnet import AxisSpec, DynamicNet, DynamicNetError, TuningBlock, over_picture, per_picture, per_point
from dynamicnet.method import strips
from dynamicnet.method.pieces import finish
from dynamicnet.networks import NETWORKS as KNOWN
from dynamicnet.networks import JohnsonNetwork, LeanNetwork, MainNetwork

NETWORKS = {"johnson": JohnsonNetwork, "lean": LeanNetwork}
SIZES = [(32, 32), (33, 57), (45, 131)]
SAME = {"rtol": 0, "atol": 2e-5}


def axis(name, blocks, **more):
    return AxisSpec(id=name, title=name, ends=("a", "b"), blocks=blocks, **more)


def build(network, *specs):
    """A network with axes, every tuning-block at random: one fresh from training's start would change nothing."""
    torch.manual_seed(7)
    net = DynamicNet(network, specs).eval()
    for block in net.modules():
        if isinstance(block, TuningBlock):
            for conv in block.convs:
                if isinstance(conv, nn.Conv2d):
                    nn.init.kaiming_normal_(conv.weight)
                    nn.init.normal_(conv.bias, std=0.1)
    return net.requires_grad_(False)


@pytest.fixture(scope="module", params=NETWORKS)
def net(request):
    """Two axes, the second dual and with norm; the first insertion point is res2, and res5 has blocks of both."""
    network = NETWORKS[request.param]()
    last = network.default_points[-1]
    dual = axis("dual", ("res5", last), range=(-1, 1), default=0, norm=True)
    return build(network, axis("one", ("res2", "res5", last)), dual)


def pictures(size=(32, 32), count=1):
    return torch.rand(count, 3, *size, generator=torch.Generator().manual_seed(size[0] + count))


def padded(values, multiple):
    height, width = values.shape[2:]
    return F.pad(values, (0, -width % multiple, 0, -height % multiple), mode="reflect")


@torch.inference_mode()
def plain(net, given, alphas=None):
    """The method as the paper writes it, stage by stage; ``alphas`` are (N, points, H, W) by axis."""
    height, width = given.shape[2:]
    inputs = padded(given, net.network.multiple)
    seen = finish(net.network.look(inputs))
    z = inputs
    for stage in net.network.stages:
        z = net.network.run(stage, z, seen.get(stage))
        tuned = z
        for name, alpha in (alphas or {}).items():
            spec = net.axes[name].spec
            if stage not in spec.blocks:
                continue
            here = alpha.expand(-1, len(spec.blocks), height, width)[:, spec.blocks.index(stage)][:, None]
            for bank, share in (("high", here.clamp(min=0)), ("low", (-here).clamp(min=0))):
                if share.any():
                    share = padded(share, net.network.multiple)
                    share = F.interpolate(share, z.shape[2:], mode="bilinear", antialias=True)
                    tuned = tuned + share * net.axes[name].banks[bank][stage](z)
        z = tuned
    return z[..., :height, :width]


class Calls(Counter):
    """How often each stage, and each tuning-block, of a network runs while this is open."""

    def __init__(self, net):
        super().__init__()
        self.network = net.network
        self.tuning = {
            f"{name} {bank} {point}": block
            for name, one in net.axes.items()
            for bank, blocks in one.banks.items()
            for point, block in blocks.items()
        }

    def __enter__(self):
        self.entered = "running" if self.network.beyond is None else "run"
        run = getattr(self.network, self.entered)
        setattr(self.network, self.entered, lambda name, z, seen: self.update([name]) or run(name, z, seen))
        self.hooks = [
            block.convs[-1].register_forward_hook(lambda *_, name=name: self.update([name]))
            for name, block in self.tuning.items()
        ]
        return self

    def __exit__(self, *_):
        delattr(self.network, self.entered)
        for hook in self.hooks:
            hook.remove()

    @property
    def blocks(self):
        return {name: count for name, count in self.items() if " " in name}


ZEROS = {
    "number": 0.0,
    "per point": [0, 0, 0],
    "by axis": {"one": 0, "dual": [0, -0.0]},
    "nothing": {},
    "map": over_picture(torch.zeros(45, 131)),
}


@pytest.mark.parametrize("zero", ZEROS.values(), ids=ZEROS)
@pytest.mark.parametrize("half", [False, True], ids=["float32", "bfloat16"])
@torch.inference_mode()
def test_alpha_zero_is_bit_for_bit_the_main_network_and_runs_no_tuning_block(net, half, zero):
    given = pictures((45, 131))
    with torch.autocast("cpu", torch.bfloat16, enabled=half):
        prepared = net.prepare(given)
        with Calls(net) as calls:
            rendered = net.render(prepared, zero)
        assert torch.equal(rendered, plain(net, given))
    assert calls.blocks == {}


def ramp(low, high):
    return torch.linspace(low, high, 57).expand(33, 57)


FORMS = {
    "number": ({"one": 0.6}, {"one": per_point([0.6])}),
    "per point": ({"one": [1, 0, 0.3]}, {"one": per_point([1, 0, 0.3])}),
    "per picture": ({"one": per_picture([0.2, 0.9])}, {"one": per_picture([0.2, 0.9])}),
    "map": ({"one": over_picture(ramp(0, 1))}, {"one": over_picture(ramp(0, 1))}),
    "map by point": (
        {"one": over_picture(ramp(0, 1)) * per_point([1, 0.5, 0])},
        {"one": over_picture(ramp(0, 1)) * per_point([1, 0.5, 0])},
    ),
    "dual above": ({"dual": 0.7}, {"dual": per_point([0.7])}),
    "dual below": ({"dual": -0.7}, {"dual": per_point([-0.7])}),
    "dual by point": ({"dual": [-0.7, 0.4]}, {"dual": per_point([-0.7, 0.4])}),
    "dual map": ({"dual": over_picture(ramp(-1, 1))}, {"dual": over_picture(ramp(-1, 1))}),
    "both axes": ({"one": 0.5, "dual": -0.5}, {"one": per_point([0.5]), "dual": per_point([-0.5])}),
    "everything": (
        {"one": per_picture([0.2, 0.9]) * per_point([1, 0.5, 1]), "dual": over_picture(ramp(-1, 1))},
        {"one": per_picture([0.2, 0.9]) * per_point([1, 0.5, 1]), "dual": over_picture(ramp(-1, 1))},
    ),
}


@pytest.mark.parametrize(("alpha", "alphas"), FORMS.values(), ids=FORMS)
@torch.inference_mode()
def test_render_is_z_plus_alpha_times_psi_at_every_insertion_point(net, alpha, alphas):
    given = pictures((33, 57), 2)
    rendered = net.render(net.prepare(given), alpha)
    torch.testing.assert_close(rendered, plain(net, given, alphas), **SAME)
    assert (rendered - plain(net, given)).abs().max() > 0.01, "the comparison would not have seen this alpha"


@torch.inference_mode()
def test_a_number_alone_is_for_the_first_axis(net):
    prepared = net.prepare(pictures())
    assert torch.equal(net.render(prepared, 0.6), net.render(prepared, {"one": 0.6}))


@torch.inference_mode()
def test_one_prepared_picture_rendered_with_many_alphas_is_each_of_them(net):
    prepared = net.prepare(pictures((33, 57)))
    values = [0.0, 0.25, 0.5, 1.0]
    together = net.render(prepared, {"one": per_picture(values), "dual": -0.3})
    apart = [net.render(prepared, {"one": value, "dual": -0.3}) for value in values]
    torch.testing.assert_close(together, torch.cat(apart), **SAME)


@torch.inference_mode()
def test_a_prepared_batch_rendered_with_its_own_alphas_is_each_of_them(net):
    given = pictures((32, 40), 3)
    values = [0.0, 0.4, 1.0]
    together = net.render(net.prepare(given), per_picture(values))
    apart = [net.render(net.prepare(one[None]), value) for one, value in zip(given, values, strict=True)]
    torch.testing.assert_close(together, torch.cat(apart), **SAME)


@torch.inference_mode()
def test_what_is_rendered_together_is_what_is_rendered_apart(net):
    several = [
        (net.prepare(pictures((32, 40))), {"one": 0.4, "dual": -0.3}),
        (net.prepare(pictures((31, 39))), 0),
        (net.prepare(pictures((30, 37), 2)), {"one": per_picture([0.2, 0.9])}),
        (net.prepare(pictures((32, 40))), {"dual": over_picture(torch.rand(32, 40))}),
        (net.prepare(pictures((32, 40))), per_point([0.1, 0.5, 0.9])),
    ]
    together = net.render_together(several)
    for output, (prepared, alpha) in zip(together, several, strict=True):
        torch.testing.assert_close(output, net.render(prepared, alpha), **SAME)


@torch.inference_mode()
def test_many_alphas_that_are_all_zero_still_make_many_pictures(net):
    prepared = net.prepare(pictures())
    together = net.render(prepared, per_picture([0, 0, 0]))
    torch.testing.assert_close(together, net.render(prepared, 0).expand(3, -1, -1, -1), **SAME)


@pytest.mark.parametrize("size", SIZES)
@torch.inference_mode()
def test_a_picture_of_any_size_comes_back_at_that_size(net, size):
    prepared = net.prepare(pictures(size, 2))
    assert prepared.size == size
    for alpha in (0, 0.5, over_picture(torch.rand(size))):
        assert net.render(prepared, alpha).shape == (2, 3, *size)


@torch.inference_mode()
def test_a_map_of_one_value_is_that_value(net):
    prepared = net.prepare(pictures((33, 57)))
    torch.testing.assert_close(
        net.render(prepared, over_picture(torch.full((33, 57), 0.7))), net.render(prepared, 0.7), **SAME
    )


@pytest.mark.parametrize("network", NETWORKS.values(), ids=NETWORKS)
@torch.inference_mode()
def test_a_map_tunes_the_picture_where_it_says(network):
    """At the last insertion point alone: what follows it has no norm, so nothing spreads further than its kernels."""
    network = network()
    net = build(network, axis("one", network.default_points[-1:]))
    prepared = net.prepare(pictures((48, 96)))
    left = torch.zeros(48, 96)
    left[:, :48] = 1
    here = net.render(prepared, over_picture(left))
    none, full = net.render(prepared, 0), net.render(prepared, 1)
    torch.testing.assert_close(here[..., :32], full[..., :32], **SAME)
    torch.testing.assert_close(here[..., 64:], none[..., 64:], **SAME)
    assert (full - none)[..., :32].abs().mean() > 0.01


@torch.inference_mode()
def test_prepare_does_what_does_not_depend_on_alpha_and_render_only_the_rest(net):
    stages = list(net.network.stages)
    after = stages.index("res2") + 1
    with Calls(net) as calls:
        prepared = net.prepare(pictures())
    assert calls == Counter([*stages[:after], "one high res2"])
    with Calls(net) as calls:
        net.render(prepared, 0.5)
    last = net.network.default_points[-1]
    assert calls == Counter([*stages[after:], "one high res5", f"one high {last}"])


@torch.inference_mode()
def test_render_does_not_look_at_the_inputs_again(net):
    prepared = net.prepare(pictures())
    net.network.look = None  # not to be called
    try:
        net.render(prepared, 0.5)
    finally:
        del net.network.look


@torch.inference_mode()
def test_what_was_prepared_knows_its_size(net):
    """Every tensor counts, what stages saw of the inputs among them: the cache is bounded by it."""
    prepared = net.prepare(pictures())
    tensors = [prepared.z, *prepared.residuals.values(), *prepared.seen.values()]
    assert prepared.bytes == sum(4 * tensor.numel() for tensor in tensors)
    assert len(prepared.seen) == (3 if isinstance(net.network, LeanNetwork) else 0)


@torch.inference_mode()
def test_render_runs_only_the_tuning_blocks_whose_alpha_is_not_zero(net):
    prepared = net.prepare(pictures())
    last = net.network.default_points[-1]
    for alpha, blocks in (
        ({"one": [1, 1, 0]}, ["one high res5"]),
        ({"dual": 0.5}, ["dual high res5", f"dual high {last}"]),
        ({"dual": -0.5}, ["dual low res5", f"dual low {last}"]),
        ({"dual": [-0.5, 0.5]}, ["dual low res5", f"dual high {last}"]),
    ):
        with Calls(net) as calls:
            net.render(prepared, alpha)
        assert calls.blocks == Counter(blocks), alpha


@torch.inference_mode()
def test_first_psi_is_kept_for_both_signs_of_a_dual_axis(net):
    dual = build(net.network, axis("dual", ("res2", "res5"), range=(-1, 1), default=0))
    given = pictures()
    prepared = dual.prepare(given)
    assert prepared.residuals.keys() == {("dual", "high"), ("dual", "low")}
    for alpha in (0.8, -0.8):
        with Calls(dual) as calls:
            rendered = dual.render(prepared, alpha)
        assert not any(name.endswith("res2") for name in calls)
        torch.testing.assert_close(rendered, plain(dual, given, {"dual": per_point([alpha])}), **SAME)


@torch.inference_mode()
def test_in_one_go_first_psi_is_run_for_the_signs_that_count(net):
    dual = build(net.network, axis("dual", ("res2", "res5"), range=(-1, 1), default=0))
    for alpha, blocks in (
        (0.8, ["dual high res2", "dual high res5"]),
        ([0.0, -0.8], ["dual low res2", "dual low res5"]),
    ):
        with Calls(dual) as calls:
            rendered = dual(pictures(), alpha)
        assert calls.blocks == Counter(blocks)
        torch.testing.assert_close(rendered, dual.render(dual.prepare(pictures()), alpha), rtol=0, atol=0)


@torch.inference_mode()
def test_rendering_leaves_what_was_prepared_as_it_was(net):
    prepared = net.prepare(pictures())
    z, residual = prepared.z.clone(), prepared.residuals["one", "high"].clone()
    first = net.render(prepared, 1)
    net.render(prepared, {"one": 0.3, "dual": -1})
    assert torch.equal(prepared.z, z)
    assert torch.equal(prepared.residuals["one", "high"], residual)
    assert torch.equal(net.render(prepared, 1), first)


def test_training_at_alpha_one_moves_every_tuning_block_and_not_the_main_network():
    net = build(LeanNetwork(), axis("one", ("res2", "res5", "join")), axis("other", ("res2",)))
    net.requires_grad_(True)
    net.network.requires_grad_(False)
    net(pictures(), {"one": 1}).square().mean().backward()
    assert all(parameter.grad is None for parameter in net.network.parameters())
    assert all(parameter.grad is None for parameter in net.axes["other"].parameters())
    for name, parameter in net.axes["one"].named_parameters():
        assert parameter.grad.abs().sum() > 0, name


@pytest.mark.parametrize("network", NETWORKS.values(), ids=NETWORKS)
@torch.inference_mode()
def test_a_new_axis_leaves_the_main_network_as_it_was(network):
    """Any trained network can be given an axis; until the axis is trained, it changes nothing at any alpha."""
    net = DynamicNet(network()).eval()
    given = pictures()
    before = net(given, {})
    state = {name: tensor.clone() for name, tensor in net.network.state_dict().items()}
    net.add_axis(axis("late", net.network.default_points, range=(-1, 1)))
    assert all(torch.equal(tensor, state[name]) for name, tensor in net.network.state_dict().items())
    for alpha in (0, 1, -1, 0.3):
        assert torch.equal(net(given, alpha), before)


def test_axes_that_cannot_be_added_are_refused():
    net = build(LeanNetwork(), axis("one", ("res2",)))
    with pytest.raises(ValueError, match="'one' is taken"):
        net.add_axis(axis("one", ("res5",)))
    with pytest.raises(ValueError, match="no axis can have the id 'values'"):
        net.add_axis(axis("values", ("res5",)))
    with pytest.raises(ValueError, match="no insertion point 'res9'; there are stem, res1"):
        net.add_axis(axis("two", ("res9",)))
    with pytest.raises(ValueError, match="no insertion point 'out'"):
        net.add_axis(axis("two", ("out",)))
    assert list(net.axes) == ["one"]


@torch.inference_mode()
def test_an_alpha_that_cannot_be_used_is_refused_before_anything_runs(net):
    prepared = net.prepare(pictures((33, 57)))
    with Calls(net) as calls:
        for alpha in (
            2,
            [0.1, 0.2],
            [[0.1], [0.2], [0.3]],
            {"two": 1},
            over_picture(torch.ones(36, 60)),
            per_picture([]),
        ):
            with pytest.raises(DynamicNetError):
                net.render(prepared, alpha)
    assert not calls


class Foreign(MainNetwork):
    """A network as researchers have them: with batch norm, and in place."""

    default_points = ("stem",)

    def __init__(self, factor=1):
        super().__init__()
        self.stages = nn.ModuleDict(
            {
                "stem": nn.Conv2d(3, 8, 3, padding=1),
                "body": nn.Sequential(nn.ReLU(inplace=True), nn.Conv2d(8, 8, 3, padding=1), nn.BatchNorm2d(8)),
                "out": nn.Sequential(nn.Conv2d(8, 3 * factor**2, 3, padding=1), nn.PixelShuffle(factor)),
            }
        )
        self.points = {"stem": 8, "body": 8}


@torch.inference_mode()
def test_a_network_that_works_in_place_leaves_what_was_prepared_as_it_was():
    net = build(Foreign(), axis("one", ("stem",)))
    prepared = net.prepare(pictures())
    first = net.render(prepared, 0)
    assert torch.equal(net.render(prepared, 0.5), net(pictures(), 0.5))
    assert torch.equal(net.render(prepared, 0), first)


def test_batch_norm_learns_statistics_of_the_main_network_while_that_is_trained_and_no_longer():
    net = DynamicNet(Foreign(), [axis("one", ("stem",))])
    norm = net.network.stages["body"][2]
    net.train()
    net(pictures(count=2) + 3, 1)
    assert norm.num_batches_tracked == 1
    net.network.requires_grad_(False)
    net.train()
    before = norm.running_mean.clone()
    net(pictures(count=2), 1)
    assert torch.equal(norm.running_mean, before)


@torch.inference_mode()
def test_a_network_that_makes_larger_pictures_is_refused():
    net = build(Foreign(2), axis("one", ("stem",)))
    with pytest.raises(ValueError, match="makes 64×64 of 32×32"):
        net(pictures(), 0.5)


def test_a_point_that_is_no_stage_is_refused():
    network = Foreign()
    network.points["bodyy"] = 8
    with pytest.raises(ValueError, match="'bodyy' is no stage of the network; there are stem, body, out"):
        DynamicNet(network, [axis("one", ("bodyy",))])


@torch.inference_mode()
def test_a_network_of_another_type_is_tuned_in_it():
    net = build(Foreign(), axis("one", ("stem", "body")))
    whole = net(pictures(), 0.5)
    halved = net.bfloat16()(pictures().bfloat16(), 0.5)
    assert halved.dtype == torch.bfloat16
    assert (halved - whole).abs().mean() < 0.05 * whole.abs().mean()


class FromNumbers(MainNetwork):
    """A network whose inputs are not pictures, as a generator's are not."""

    multiple = 4
    default_points = ("grow",)

    def __init__(self):
        super().__init__()
        self.stages = nn.ModuleDict(
            {
                "start": nn.Sequential(nn.Linear(5, 4 * 9), nn.Unflatten(1, (4, 3, 3))),
                "grow": nn.Upsample(scale_factor=2),
                "out": nn.Conv2d(4, 3, 3, padding=1),
            }
        )
        self.points = {"start": 4, "grow": 4}


@torch.inference_mode()
def test_inputs_that_are_not_pictures_are_neither_padded_nor_cropped():
    net = build(FromNumbers(), axis("one", ("grow",)))
    prepared = net.prepare(torch.rand(1, 5))
    assert prepared.size is None
    rendered = net.render(prepared, per_picture([0, 0.5, 1]))
    assert rendered.shape == (3, 3, 6, 6)
    assert (rendered[0] - rendered[2]).abs().max() > 0.01
    with pytest.raises(DynamicNetError, match="must have the picture's size"):
        net.render(prepared, over_picture(torch.ones(6, 6)))


@torch.inference_mode()
def test_large_features_are_made_some_rows_at_a_time_and_are_the_same(monkeypatch):
    network = KNOWN["unet"](16, 8)
    net = build(network, axis("one", network.default_points, range=(-1, 1), default=0))
    prepared, given = net.prepare(pictures((90, 52))), pictures((90, 52))
    whole = net.render(prepared, 0.7)
    monkeypatch.setattr(strips, "PRODUCTS", 2**11)
    assert sum(1 for _ in net.rendering([(prepared, 0.7)])) > 40
    torch.testing.assert_close(net.render(net.prepare(given), 0.7), whole)
