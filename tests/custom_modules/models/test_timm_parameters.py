"""Weights of whole models, as releases give them, in a timm backbone."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

torch = pytest.importorskip("torch")
timm = pytest.importorskip("timm")

from safetensors.torch import save_file  # noqa: E402

from custom_modules.models.timm_backbone import TimmBackbone  # noqa: E402
from sortline.errors import InputError  # noqa: E402

pytestmark = pytest.mark.mm

VIT = "vit_tiny_patch16_224"
CONVNEXT = "convnext_atto"


def whole(model_name: str, **kwargs: Any) -> dict[str, torch.Tensor]:
    torch.manual_seed(1)
    state = timm.create_model(model_name, **kwargs).state_dict()
    return {name: torch.rand_like(value) if value.is_floating_point() else value for name, value in state.items()}


def loaded(model_name: str, path: Path, **kwargs: Any) -> dict[str, torch.Tensor]:
    net = TimmBackbone(model_name, pretrained=str(path), **kwargs)
    net.init_weights()
    return net.body.state_dict()


@pytest.mark.parametrize("num_classes", [0, 7, 1000], ids=lambda number: f"{number} classes")
def test_the_classifier_may_have_any_number_of_classes(tmp_path: Path, num_classes: int) -> None:
    weights = whole(CONVNEXT, num_classes=num_classes)
    save_file(weights, tmp_path / "model.safetensors")
    body = loaded(CONVNEXT, tmp_path / "model.safetensors", out_strides=(4, 8))
    assert all(torch.equal(value, weights[name.replace("_", ".", 1)]) for name, value in body.items())


def test_a_checkpoint_that_keeps_its_weights_under_model(tmp_path: Path) -> None:
    weights = whole(VIT)
    torch.save(dict(model=weights, epoch=3), tmp_path / "net.pth")
    body = loaded(VIT, tmp_path / "net.pth", out_indices=(0, 3))
    assert "model.blocks.3.attn.qkv.weight" in body
    assert all(torch.equal(value, weights[name.removeprefix("model.")]) for name, value in body.items())


def test_position_embeddings_of_another_image_size_are_resampled(tmp_path: Path) -> None:
    weights = whole(VIT)
    torch.save(weights, tmp_path / "net.pth")
    body = loaded(VIT, tmp_path / "net.pth", out_strides=(16,), img_size=(128, 256))
    assert body["model.pos_embed"].shape == (1, 1 + (128 // 16) * (256 // 16), 192)
    torch.testing.assert_close(body["model.pos_embed"][:, 0], weights["pos_embed"][:, 0])
    assert torch.equal(body["model.blocks.0.attn.qkv.weight"], weights["blocks.0.attn.qkv.weight"])


def test_a_file_that_lacks_some_weights_is_refused(tmp_path: Path) -> None:
    weights = whole(VIT)
    del weights["blocks.5.attn.qkv.weight"]
    torch.save(weights, tmp_path / "net.pth")
    with pytest.raises(InputError, match="another architecture"):
        loaded(VIT, tmp_path / "net.pth", out_strides=(16,))


def test_a_truncated_safetensors_file_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "model.safetensors"
    save_file(whole(VIT), path)
    path.write_bytes(path.read_bytes()[:5000])
    with pytest.raises(InputError, match="can't be read as weights"):
        loaded(VIT, path, out_strides=(16,))
