"""BiFPN: sizes, weighted fusion, and that every map reaches every other."""

from __future__ import annotations

import pytest

torch = pytest.importorskip("torch")

from custom_modules.models.bifpn import EPSILON, BiFPN, BiFPNLayer, halve, weighted_mean  # noqa: E402

pytestmark = pytest.mark.mm

SIDES = (20, 10, 5)


def maps(channels: tuple[int, ...] = (8, 12, 16), requires_grad: bool = False) -> list[torch.Tensor]:
    generator = torch.Generator().manual_seed(0)
    made = [torch.rand(2, width, side, side, generator=generator) for width, side in zip(channels, SIDES, strict=True)]
    return [feature.requires_grad_(requires_grad) for feature in made]


def neck(num_outs: int = 5, num_layers: int = 2) -> BiFPN:
    torch.manual_seed(0)
    return BiFPN(in_channels=(8, 12, 16), out_channels=16, num_layers=num_layers, num_outs=num_outs)


@pytest.mark.parametrize(("num_outs", "sides"), [(3, (20, 10, 5)), (4, (20, 10, 5, 3)), (5, (20, 10, 5, 3, 2))])
def test_each_map_is_half_the_size_of_the_last_rounded_up(num_outs: int, sides: tuple[int, ...]) -> None:
    assert [tuple(out.shape) for out in neck(num_outs)(maps())] == [(2, 16, side, side) for side in sides]


def test_one_layer_reaches_from_every_map_to_every_other() -> None:
    net = neck(num_layers=1)
    for out in net(inputs := maps(requires_grad=True)):
        gradients = torch.autograd.grad(out.sum(), inputs, retain_graph=True)
        assert all(gradient.abs().max() > 0 for gradient in gradients)


def test_every_parameter_takes_part() -> None:
    net = neck()
    sum(out.square().mean() for out in net(maps())).backward()
    assert [name for name, parameter in net.named_parameters() if parameter.grad is None] == []


@pytest.mark.parametrize(
    ("weights", "mean"),
    [
        ([1.0, 1.0], (2.0 + 6.0) / (2 + EPSILON)),
        ([1.0, 3.0], (1 * 2.0 + 3 * 6.0) / (4 + EPSILON)),
        ([-5.0, 1.0], 6.0 / (1 + EPSILON)),
        ([-1.0, -1.0], 0.0),
    ],
)
def test_weights_below_zero_count_as_zero(weights: list[float], mean: float) -> None:
    fused = weighted_mean([torch.full((1, 1, 2, 2), 2.0), torch.full((1, 1, 2, 2), 6.0)], torch.tensor(weights))
    torch.testing.assert_close(fused, torch.full((1, 1, 2, 2), mean))


def test_a_layer_is_the_papers_formula() -> None:
    """Equations 4 and 5 for three levels, written out."""
    torch.manual_seed(0)
    layer = BiFPNLayer(16, 3, dict(type="BN")).eval()
    large, middle, small = (torch.rand(1, 16, side, side) for side in (8, 4, 2))
    up = torch.nn.functional.interpolate
    middle_down = layer.down[1](middle, up(small, scale_factor=2))
    large_out = layer.down[0](large, up(middle_down, scale_factor=2))
    middle_out = layer.up[0](middle, middle_down, halve(large_out))
    small_out = layer.up[1](small, halve(middle_out))
    for ours, theirs in zip(layer([large, middle, small]), (large_out, middle_out, small_out), strict=True):
        torch.testing.assert_close(ours, theirs)
