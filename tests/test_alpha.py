"""What a caller may say about α, and what is refused."""

import numpy as np
import pytest
import torch

from dynamicnet import AxisSpec, DynamicNetError, over_picture, per_picture, per_point
from dynamicnet.method.alpha import at_position, choose, defaults, parse, resolve

ONE = AxisSpec(id="one", title="One", ends=("a", "b"), default=0.4, blocks=("res2", "res5", "join"))
DUAL = AxisSpec(id="dual", title="Dual", ends=("a", "b"), range=(-1, 1), default=0.0, blocks=("res2", "res5"))
EVEN = AxisSpec(id="even", title="Even", ends=("a", "b"), range=(-1, 1), even=(-1, -0.2, 0.4, 0.5, 1), blocks=("res2",))
AXES = [ONE, DUAL]
SIZE = (33, 57)


@pytest.mark.parametrize(
    ("text", "alpha"),
    [
        ("0.6", 0.6),
        (" 1 ", 1.0),
        ("-0.5", -0.5),
        ("1e-3", 0.001),
        ("0.2,0.5,0.9", [0.2, 0.5, 0.9]),
        ("0.2, 0.5", [0.2, 0.5]),
        ('{"one": 0.6}', {"one": 0.6}),
        ('{"one": 1, "dual": [0.1, -1]}', {"one": 1.0, "dual": [0.1, -1.0]}),
        ("{}", {}),
    ],
)
def test_parse_reads_every_typed_form(text, alpha):
    assert parse(text) == alpha


@pytest.mark.parametrize(
    "text",
    [
        *["", "  ", ",", "1,", "0.5 0.5", "strong", "true", "0x1", "[0.1, 0.2]", "\x00", "{", '{"one": 0.5'],
        *['{"one": true}', '{"one": [true]}', '{"one": null}', '{"one": "0.5"}', '{"one": ["0.5"]}'],
        *['{"one": {"res2": 1}}', '{"one": [[1]]}', '{"one": ' + "9" * 400 + "}", '{"one": ' + "9" * 5000 + "}"],
        *['{"one": ' * 50_000, '{"one": ' + "[" * 50_000],
    ],
    ids=lambda text: text[:16],
)
def test_parse_refuses_nonsense_with_a_sentence_that_shows_the_forms(text):
    with pytest.raises(DynamicNetError, match=r"give a number \(0.6\), one per insertion point") as refused:
        parse(text)
    assert (refused.value.code, refused.value.status) == ("alpha-not-understood", 422)
    assert len(refused.value.message) < 600


@pytest.mark.parametrize("text", ["1e999", "1e39", "nan", "-inf", "9" * 5000, '{"one": 1e400}', '{"one": [0, NaN, 0]}'])
def test_what_parses_but_is_no_finite_number_is_refused_when_resolved(text):
    with pytest.raises(DynamicNetError, match=r"axis 'one' \(range 0 to 1, 3 insertion points\)") as refused:
        resolve(parse(text), AXES, 1)
    assert refused.value.code == "alpha-not-finite"


def test_defaults_are_those_of_the_axes():
    assert defaults(AXES) == {"one": 0.4, "dual": 0.0}


@pytest.mark.parametrize(
    ("alpha", "axis", "shape"),
    [
        (0.5, "one", (1, 1, 1, 1)),
        (1, "one", (1, 1, 1, 1)),
        (torch.tensor(0.5), "one", (1, 1, 1, 1)),
        ([0.2], "one", (1, 1, 1, 1)),
        ([0.2, 0, 0.9], "one", (1, 3, 1, 1)),
        ((0.2, 0, 0.9), "one", (1, 3, 1, 1)),
        (np.array(0.2), "one", (1, 1, 1, 1)),
        (np.array([0.2, 0, 0.9]), "one", (1, 3, 1, 1)),
        (over_picture(np.full(SIZE, 0.5)), "one", (1, 1, *SIZE)),
        ({"dual": -0.7}, "dual", (1, 1, 1, 1)),
        ({"dual": [-0.7, 0.7]}, "dual", (1, 2, 1, 1)),
        (per_picture([0.1, 0.2, 0.3, 0.4]), "one", (4, 1, 1, 1)),
        (over_picture(torch.full(SIZE, 0.5)), "one", (1, 1, *SIZE)),
        (per_picture([0.1, 0.2]) * per_point([1, 1, 0.5]), "one", (2, 3, 1, 1)),
        (per_point([1, 0.2, 0]) * over_picture(torch.ones(SIZE)), "one", (1, 3, *SIZE)),
        (torch.ones(1, 1, 1, 1, dtype=torch.float64), "one", (1, 1, 1, 1)),
        (torch.ones(1, 1, 1, 1, requires_grad=True), "one", (1, 1, 1, 1)),
    ],
)
def test_resolve_brings_every_form_to_four_dimensions(alpha, axis, shape):
    resolved = resolve(alpha, AXES, 1, SIZE)
    assert list(resolved) == [axis]
    tensor = resolved[axis]
    assert tensor.shape == shape
    assert tensor.dtype == torch.float32
    assert not tensor.requires_grad
    said = alpha[axis] if isinstance(alpha, dict) else alpha
    said = said.detach() if isinstance(said, torch.Tensor) else torch.tensor(said)
    torch.testing.assert_close(tensor.flatten(), said.float().flatten())


def test_resolve_takes_several_axes_and_leaves_out_those_at_zero():
    assert resolve(0, AXES, 1) == {}
    assert resolve({}, AXES, 1) == {}
    assert resolve([0, 0, 0], AXES, 1) == {}
    assert list(resolve({"one": 0.0, "dual": -1}, AXES, 1)) == ["dual"]
    assert list(resolve({"one": 0.1, "dual": -1}, AXES, 1)) == ["one", "dual"]


def test_resolve_keeps_zero_where_it_says_how_many_pictures_to_make():
    assert resolve(per_picture([0, 0, 0]), AXES, 1)["one"].shape == (3, 1, 1, 1)


@pytest.mark.parametrize(
    ("alpha", "code", "sentence"),
    [
        ("0.5", "alpha-invalid", r"axis 'one' .* is numbers, not '0.5'"),
        (None, "alpha-invalid", "not None"),
        ({"dual": "auto"}, "alpha-invalid", "axis 'dual'"),
        (1.01, "alpha-out-of-range", r"alpha 1.01 .* axis 'one' \(range 0 to 1,"),
        (-0.01, "alpha-out-of-range", r"alpha -0.01 .* axis 'one' \(range 0 to 1,"),
        ([0, 0, 2], "alpha-out-of-range", "alpha 2 .* axis 'one'"),
        ({"dual": -1.5}, "alpha-out-of-range", r"alpha -1.5 .* axis 'dual' \(range -1 to 1,"),
        (over_picture(torch.eye(*SIZE) * 3), "alpha-out-of-range", "alpha 3 .* axis 'one'"),
        (float("nan"), "alpha-not-finite", r"axis 'one' \(range 0 to 1,"),
        (over_picture(torch.full(SIZE, torch.inf)), "alpha-not-finite", "axis 'one'"),
        ([], "alpha-wrong-length", r"axis 'one' \(range 0 to 1, 3 .* one number or 3.* got 0"),
        ([0.1, 0.2], "alpha-wrong-length", "axis 'one' .* one number or 3.* got 2"),
        ({"dual": [0.1, 0.2, 0.3]}, "alpha-wrong-length", "axis 'dual' .* one number or 2.* got 3"),
        (torch.zeros(3), "alpha-wrong-length", "axis 'one' .* another form"),
        (torch.zeros(0, 1, 1, 1), "alpha-wrong-length", "axis 'one' .* 0 pictures"),
        (over_picture(torch.zeros(57, 33)), "alpha-wrong-size", "axis 'one' .* 33×57"),
        ({"two": 1}, "alpha-unknown-axis", "no axis 'two' here; the axes are: one, dual"),
        ({"\ud800": 1}, "alpha-unknown-axis", "the axes are: one, dual"),
        (
            {"one": per_picture([0, 1]), "dual": per_picture([0, 1, 1])},
            "alpha-wrong-length",
            r"different numbers of pictures: \[2, 3\]",
        ),
    ],
)
def test_resolve_refuses_naming_the_axis_and_its_range(alpha, code, sentence):
    with pytest.raises(DynamicNetError, match=sentence) as refused:
        resolve(alpha, AXES, 1, SIZE)
    assert (refused.value.code, refused.value.status) == (code, 422)
    refused.value.message.encode()  # a reply must be able to hold it


def test_resolve_refuses_another_number_of_alphas_than_pictures():
    assert resolve(per_picture([0.1, 0.2]), AXES, 2)
    with pytest.raises(DynamicNetError, match=r"axis 'one' .* is for 3 pictures; there are 2"):
        resolve(per_picture([0.1, 0.2, 0.3]), AXES, 2)


def test_resolve_refuses_a_map_where_inputs_are_not_pictures():
    with pytest.raises(DynamicNetError, match="must have the picture's size"):
        resolve(over_picture(torch.ones(8, 8)), AXES, 1, None)


@pytest.mark.parametrize(
    "change",
    [
        {"range": (0.2, 1.0)},
        {"range": (0.0, 0.0)},
        {"range": (0.0, float("nan"))},
        {"default": 1.5},
        {"blocks": ()},
        {"blocks": ("res2", "res2")},
        {"id": "Not An Id"},
        {"title": ""},
        {"title": "x" * 81},
    ],
)
def test_an_axis_that_makes_no_sense_is_refused(change):
    with pytest.raises(ValueError, match="AxisSpec"):
        AxisSpec(**{"id": "one", "title": "One", "ends": ("a", "b"), "blocks": ("res2",)} | change)


@pytest.mark.parametrize(
    ("position", "alpha"),
    [(0, -1.0), (0.25, -0.2), (0.5, 0.4), (0.75, 0.5), (1, 1.0), (0.125, -0.6), ([0, 1], [-1, 1])],
)
def test_a_position_stands_for_the_alpha_that_was_measured_there(position, alpha):
    assert at_position({"even": position}, [EVEN])["even"] == pytest.approx(alpha)


def test_where_nothing_was_measured_positions_run_evenly_over_the_range():
    assert at_position({"dual": 0.25, "one": 0.3}, AXES) == {"dual": -0.5, "one": 0.3}
    assert at_position(0.7, AXES) == {"one": 0.7}


@pytest.mark.parametrize("position", [-0.1, 1.1, float("nan"), [0.5, 2]])
def test_positions_outside_the_slider_are_refused(position):
    with pytest.raises(DynamicNetError, match="axis 'one' must be from 0 to 1") as refused:
        at_position(position, AXES)
    assert refused.value.code == "position-out-of-range"


def test_alpha_or_position_or_neither_but_not_both():
    assert choose("0.2", None, AXES) == 0.2
    assert choose(None, '{"dual": 1}', AXES) == {"dual": 1.0}
    assert choose(None, None, AXES) == defaults(AXES)
    for alpha, position, code in (("0", "0", "alpha-and-position"), (None, "much", "position-not-understood")):
        with pytest.raises(DynamicNetError) as refused:
            choose(alpha, position, AXES)
        assert refused.value.code == code


@pytest.mark.parametrize("even", [(0, 0.5), (0.1, 1), (0, 0.6, 0.6, 1), (0, 0.7, 0.5, 1)])
def test_what_does_not_rise_from_end_to_end_is_no_map(even):
    with pytest.raises(ValueError, match="even must rise"):
        AxisSpec(id="one", title="One", ends=("a", "b"), blocks=("res2",), even=even)
