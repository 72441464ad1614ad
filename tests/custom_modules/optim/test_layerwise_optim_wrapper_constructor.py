"""Learning rates by part of the model and by depth, against rates worked out by hand."""

from __future__ import annotations

from typing import Any

import pytest

torch = pytest.importorskip("torch")
pytest.importorskip("mmengine")

from mmengine.optim import build_optim_wrapper  # noqa: E402
from torch import nn  # noqa: E402

import custom_modules.register_all  # noqa: E402, F401
from custom_modules.models.timm_backbone import TimmBackbone  # noqa: E402
from custom_modules.optim.layerwise_optim_wrapper_constructor import (  # noqa: E402
    layer_numbers,
    merge_groups,
    part_multipliers,
)
from sortline.errors import InputError  # noqa: E402

pytestmark = pytest.mark.mm

LR, DECAY = 0.001, 0.05


class Layered(nn.Module):
    """A backbone of a stem and two layers, with a norm behind its map."""

    def __init__(self) -> None:
        super().__init__()
        self.stem = nn.Conv2d(3, 2, 1)
        self.first = nn.Linear(2, 2)
        self.second = nn.Linear(2, 2)
        self.norm = nn.LayerNorm(2)

    def layer_numbers(self) -> dict[str, int]:
        order = dict(stem=0, first=1, second=2)
        return {name: order[name.split(".")[0]] for name, _ in self.named_parameters() if name[:4] != "norm"}

    def decay_free(self) -> set[str]:
        return {"second.weight"}


class Detector(nn.Module):
    def __init__(self, backbone: nn.Module | None = None) -> None:
        super().__init__()
        self.backbone = backbone or Layered()
        self.head = nn.Linear(2, 2)


def settings(model: nn.Module, **paramwise: Any) -> dict[str, tuple[float, float]]:
    """Return (learning rate, weight decay) of each parameter as the optimiser has them."""
    wrapper = build_optim_wrapper(
        model,
        dict(
            constructor="LayerwiseOptimWrapperConstructor",
            optimizer=dict(type="AdamW", lr=LR, weight_decay=DECAY),
            paramwise_cfg=paramwise,
        ),
    )
    names = {id(parameter): name for name, parameter in model.named_parameters()}
    return {
        names[id(parameter)]: (group["lr"], group["weight_decay"])
        for group in wrapper.optimizer.param_groups
        for parameter in group["params"]
    }


def rates(model: nn.Module, **paramwise: Any) -> dict[str, float]:
    return {name: rate for name, (rate, _) in settings(model, **paramwise).items()}


def test_each_layer_learns_at_a_share_of_the_next_ones_rate() -> None:
    found = rates(Detector(), layer_decay=0.5)
    assert found["backbone.stem.weight"] == pytest.approx(LR * 0.5**3)
    assert found["backbone.first.weight"] == pytest.approx(LR * 0.5**2)
    assert found["backbone.second.weight"] == pytest.approx(LR * 0.5**1)
    assert found["backbone.norm.weight"] == found["head.weight"] == LR


def test_parts_learn_at_their_own_rate() -> None:
    found = rates(Detector(), part_lr={"backbone": 0.1, "backbone.second": 0.5})
    assert found["backbone.stem.bias"] == pytest.approx(LR * 0.1)
    assert found["backbone.second.bias"] == pytest.approx(LR * 0.5)
    assert found["head.weight"] == LR


def test_parts_and_depth_multiply_and_mmengines_own_rules_hold() -> None:
    found = settings(
        Detector(), layer_decay=0.5, part_lr=dict(backbone=0.1), norm_decay_mult=0, bias_decay_mult=0, bias_lr_mult=2
    )
    assert found["backbone.first.weight"] == pytest.approx((LR * 0.1 * 0.5**2, DECAY))
    assert found["backbone.first.bias"] == pytest.approx((LR * 2 * 0.1 * 0.5**2, 0))
    assert found["backbone.norm.weight"] == pytest.approx((LR * 0.1, 0))
    assert found["head.bias"] == pytest.approx((LR * 2, 0))


def test_custom_keys_hold() -> None:
    found = settings(Detector(), layer_decay=0.5, custom_keys={"head": dict(lr_mult=3, decay_mult=0.1)})
    assert found["head.weight"] == pytest.approx((LR * 3, DECAY * 0.1))


def test_position_embeddings_and_the_like_have_no_weight_decay() -> None:
    found = settings(Detector(), layer_decay=0.9)
    assert found["backbone.second.weight"][1] == 0
    assert found["backbone.first.weight"][1] == DECAY


def test_frozen_parameters_are_left_out_and_all_others_in_once() -> None:
    model = Detector()
    model.backbone.stem.requires_grad_(False)
    found = rates(model, layer_decay=0.5)
    assert found.keys() == {name for name, _ in model.named_parameters()} - {
        "backbone.stem.weight",
        "backbone.stem.bias",
    }


def test_groups_are_few_and_the_fastest_comes_first() -> None:
    first, second, third = (nn.Parameter(torch.zeros(1)) for _ in range(3))
    groups = [dict(params=[first], lr=0.1), dict(params=[second], lr=0.3), dict(params=[third], lr=0.1)]
    merged = merge_groups(groups)
    assert [group["lr"] for group in merged] == [0.3, 0.1]
    assert [id(p) for p in merged[1]["params"]] == [id(first), id(third)]


def test_part_names_match_whole_parts_only() -> None:
    assert part_multipliers(["neck.w", "necklace.w"], {"neck": 0.5}) == {"neck.w": 0.5}


def test_timms_groups_of_a_vision_transformer() -> None:
    """Stem with embeddings, then twelve blocks: 13 layers."""
    backbone = TimmBackbone("vit_tiny_patch16_224", out_strides=(16,), out_norm=True)
    found = settings(Detector(backbone), layer_decay=0.75, flat_decay_mult=0)
    assert found["backbone.body.model.pos_embed"] == pytest.approx((LR * 0.75**13, 0))
    assert found["backbone.body.model.patch_embed.proj.weight"] == pytest.approx((LR * 0.75**13, DECAY))
    for block in (0, 5, 11):
        weight = f"backbone.body.model.blocks.{block}.attn.qkv.weight"
        assert found[weight] == pytest.approx((LR * 0.75 ** (13 - (block + 1)), DECAY))
    assert found["backbone.norms.0.weight"] == pytest.approx((LR, 0))
    assert found["head.weight"] == pytest.approx((LR, DECAY))


@pytest.mark.parametrize(
    ("config", "expected"),
    [
        (dict(type="ResNet", depth=18), {"conv1.weight": 0, "layer1.0.bn1.bias": 1, "layer4.1.conv2.weight": 8}),
        (
            dict(type="SwinTransformer", embed_dims=8, depths=(1, 2, 1, 1), num_heads=(1, 1, 1, 1)),
            {
                "patch_embed.projection.weight": 0,
                "stages.0.blocks.0.norm1.weight": 1,
                "stages.0.downsample.norm.weight": 1,
                "stages.1.blocks.1.norm1.weight": 3,
                "stages.3.blocks.0.norm1.weight": 5,
            },
        ),
        (
            dict(type="PyramidVisionTransformerV2", embed_dims=8, num_layers=[1, 2, 1, 1], num_heads=(1, 1, 1, 1)),
            {"layers.0.0.projection.weight": 0, "layers.0.1.0.norm1.weight": 1, "layers.1.1.1.norm1.weight": 4},
        ),
        (dict(type="CSPNeXt", widen_factor=0.125, deepen_factor=0.167), {"stem.0.conv.weight": 0}),
        (dict(type="CSPDarknet", widen_factor=0.125, deepen_factor=0.33), {"stem.conv.conv.weight": 0}),
    ],
    ids=lambda value: value.get("type", "") if isinstance(value, dict) else "",
)
def test_layers_of_mmdets_backbones(config: dict[str, Any], expected: dict[str, int]) -> None:
    from mmdet.registry import MODELS

    backbone = MODELS.build(config)
    numbers = layer_numbers(backbone)
    assert {name: numbers[name] for name in expected} == expected
    left_out = {name for name, _ in backbone.named_parameters()} - numbers.keys()
    assert all(name.startswith("norm") for name in left_out)
    assert set(numbers.values()) == set(range(max(numbers.values()) + 1))


@pytest.mark.parametrize(
    ("model", "paramwise", "message"),
    [
        (Detector(), dict(layer_decay=1.2), "1.2 is not above 0 and at most 1"),
        (Detector(), dict(part_lr=dict(backbone=-1)), "-1 is not a number of 0 or more"),
        (Detector(), dict(part_lr=0.1), "0.1 is not a dict"),
        (Detector(), dict(part_lr=dict(backbon=0.1)), "did you mean 'backbone'?"),
        (Detector(nn.Linear(2, 2)), dict(layer_decay=0.8), "the order of the layers of Linear is not known"),
        (nn.Linear(2, 2), dict(layer_decay=0.8), "Linear has no backbone"),
    ],
)
def test_options_that_mean_nothing_are_refused(model: nn.Module, paramwise: dict[str, Any], message: str) -> None:
    with pytest.raises(InputError, match=message.replace("?", r"\?")):
        settings(model, **paramwise)
