"""Pretrained weights of torchvision's detectors: what may start fresh, and what is refused."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from helpers import ROOT

torch = pytest.importorskip("torch")

from mmengine.config import Config  # noqa: E402
from torchvision.models import get_model_weights, mobilenet_v3_large  # noqa: E402

from custom_modules.models.torchvision_detector import TorchvisionDetector  # noqa: E402
from custom_modules.models.torchvision_nets import build_net, class_layers, model_names  # noqa: E402
from sortline.errors import InputError  # noqa: E402

pytestmark = pytest.mark.mm

FASTER, SSDLITE = "fasterrcnn_mobilenet_v3_large_320_fpn", "ssdlite320_mobilenet_v3_large"
BASES = sorted((ROOT / "configs/_base_/models").glob("*_torchvision.py"))


def weights(path: Path, model_name: str = SSDLITE, num_classes: int = 90, **changes: Any) -> dict[str, torch.Tensor]:
    """Write a file as torchvision's are, of another number of classes; changes replace tensors, None removes them."""
    torch.manual_seed(1)
    state = {**build_net(model_name, num_classes, False, None).state_dict(), **changes}
    state = {name: value for name, value in state.items() if value is not None}
    torch.save(state, path)
    return state


def started(path: Path, model_name: str = SSDLITE, num_classes: int = 3) -> TorchvisionDetector:
    """Build a detector that starts from a file."""
    torch.manual_seed(0)
    model = TorchvisionDetector(model_name, num_classes, init_cfg=dict(type="Pretrained", checkpoint=str(path)))
    model.init_weights()
    return model


@pytest.mark.parametrize("path", BASES, ids=lambda path: path.stem)
def test_addresses_in_configs_are_torchvisions_own(path: Path) -> None:
    model = Config.fromfile(path).model
    assert model.init_cfg.checkpoint == get_model_weights(model.model_name).DEFAULT.url


@pytest.mark.parametrize("model_name", ["fasterrcnn_resnet50_fpn_v2", "retinanet_resnet50_fpn", "fcos_resnet50_fpn"])
def test_the_layers_that_depend_on_the_classes_are_the_last_ones(model_name: str) -> None:
    with torch.device("meta"):
        net = build_net(model_name, 3, False, None)
    layers = {name.rpartition(".")[0] for name in class_layers(net, model_name, 3)}
    if model_name.startswith("faster"):
        assert layers == {"roi_heads.box_predictor.cls_score", "roi_heads.box_predictor.bbox_pred"}
    else:
        assert layers == {"head.classification_head.cls_logits"}


def test_every_box_detector_is_offered_and_no_other() -> None:
    assert {name.split("_")[0] for name in model_names()} == {
        "fasterrcnn",
        "fcos",
        "retinanet",
        "ssd300",
        "ssdlite320",
    }


def test_all_but_the_class_dependent_layers_come_from_the_file(tmp_path: Path) -> None:
    file = weights(tmp_path / "coco.pth")
    model = started(tmp_path / "coco.pth")
    ours = model.net.state_dict()
    fresh = {name for name, value in ours.items() if value.shape != file[name].shape}
    assert fresh == class_layers(model.net, SSDLITE, 3)
    for name, value in ours.items():
        assert name in fresh or torch.equal(value, file[name]), name


def test_the_log_names_the_layers_that_start_fresh(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from custom_modules.models import torchvision_detector

    lines: list[str] = []
    monkeypatch.setattr(torchvision_detector, "print_log", lambda text, logger: lines.append(text))
    weights(tmp_path / "coco.pth", FASTER)
    started(tmp_path / "coco.pth", FASTER)
    assert lines == [
        f"{FASTER}: weights from {tmp_path}/coco.pth; these start fresh: "
        "roi_heads.box_predictor.bbox_pred, roi_heads.box_predictor.cls_score"
    ]


@pytest.mark.parametrize("wrapper", ["state_dict", "model"])
def test_weights_for_as_many_classes_are_taken_whole(tmp_path: Path, wrapper: str) -> None:
    """A checkpoint of torchvision's own training, or of this repository's, where each name begins with ``net.``."""
    file = weights(tmp_path / "own.pth", num_classes=3)
    prefix = "net." if wrapper == "state_dict" else ""
    torch.save({wrapper: {prefix + name: value for name, value in file.items()}}, tmp_path / "own.pth")
    model = started(tmp_path / "own.pth")
    assert all(torch.equal(value, file[name]) for name, value in model.net.state_dict().items())


def test_files_of_before_torchvision_0_13_name_some_layers_otherwise(tmp_path: Path) -> None:
    old = {"rpn.head.conv.0.0": "rpn.head.conv", "backbone.fpn.inner_blocks.0.0": "backbone.fpn.inner_blocks.0"}
    file = weights(tmp_path / "old.pth", FASTER, 3)
    renamed = {
        next((name.replace(new, before) for new, before in old.items() if new in name), name): value
        for name, value in file.items()
        if not name.endswith("num_batches_tracked")  # FrozenBatchNorm2d has none
    }
    assert renamed.keys() != file.keys()
    torch.save(renamed, tmp_path / "old.pth")
    state = started(tmp_path / "old.pth", FASTER).net.state_dict()
    assert torch.equal(state["rpn.head.conv.0.0.weight"], file["rpn.head.conv.0.0.weight"])


def test_a_classifiers_weights_go_to_the_backbone(tmp_path: Path) -> None:
    torch.manual_seed(1)
    file = mobilenet_v3_large().state_dict()
    torch.save(file, tmp_path / "imagenet.pth")
    state = started(tmp_path / "imagenet.pth", FASTER).net.state_dict()
    for name, value in file.items():
        if name.startswith("features."):
            assert torch.equal(state[name.replace("features.", "backbone.body.", 1)], value), name


def test_the_file_is_read_before_training_and_once(tmp_path: Path) -> None:
    model = TorchvisionDetector(SSDLITE, 3, init_cfg=dict(type="Pretrained", checkpoint=str(tmp_path / "later.pth")))
    weights(tmp_path / "later.pth")
    model.init_weights()
    (tmp_path / "later.pth").unlink()
    model.init_weights()


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"backbone.extra.0.0.1.bias": None}, "lacks backbone.extra.0.0.1.bias"),
        ({"backbone.extra.9.bias": torch.ones(3)}, "the model has no place for backbone.extra.9.bias"),
        ({"backbone.extra.0.0.1.bias": torch.ones(3)}, "another architecture: size mismatch for backbone.extra.0.0.1"),
        ({"epoch": 3}, "holds no state dict"),
    ],
)
def test_whatever_else_does_not_fit_is_refused(tmp_path: Path, changes: dict[str, Any], message: str) -> None:
    weights(tmp_path / "other.pth", **changes)
    with pytest.raises(InputError, match=message):
        started(tmp_path / "other.pth")


def test_weights_of_another_detector_are_refused(tmp_path: Path) -> None:
    weights(tmp_path / "ssdlite.pth")
    with pytest.raises(InputError, match=r"another architecture|lacks"):
        started(tmp_path / "ssdlite.pth", FASTER)


def test_ssdlite_is_not_built_around_a_classifier(tmp_path: Path) -> None:
    torch.save(mobilenet_v3_large().state_dict(), tmp_path / "imagenet.pth")
    with pytest.raises(InputError, match="give a whole detector's weights"):
        started(tmp_path / "imagenet.pth")
