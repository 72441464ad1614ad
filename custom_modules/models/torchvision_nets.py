"""torchvision's box detectors without their own resizing and normalising of photos, and their pretrained weights."""

from __future__ import annotations

import re
import sys
from collections.abc import Collection, Iterator, Mapping
from contextlib import contextmanager
from typing import Any
from unittest.mock import patch

import torch
from mmengine.runner import CheckpointLoader
from torch import nn
from torch.nn.modules.batchnorm import _BatchNorm
from torchvision.models import detection, get_model_builder, list_models
from torchvision.models.detection.transform import GeneralizedRCNNTransform

from sortline.errors import InputError, Problem, counted, nearest

#: torchvision's label of the first class, by family. Softmax has an output for the background, which comes first;
#: RetinaNet and FCOS score each class separately and use a label as the index of its output (their ``compute_loss``
#: and ``postprocess_detections``), without one for the background.
LABEL_OFFSETS = {"fasterrcnn": 1, "ssd": 1, "ssdlite": 1, "retinanet": 0, "fcos": 0}

#: Layers of torchvision's classifiers that detectors lack.
CLASSIFIERS = ("fc.", "classifier.")
BODY = "backbone.body."
REMEDY = "give weights of the same model_name: torchvision's own, or those of its backbone from ImageNet"

StateDict = Mapping[str, torch.Tensor]


class KeepImages(GeneralizedRCNNTransform):
    """torchvision's transform from photos to a batch, without normalising and resizing, which the pipeline has done."""

    def normalize(self, image: torch.Tensor) -> torch.Tensor:
        """Return the image unchanged."""
        return image

    def resize(self, image: torch.Tensor, target: dict[str, torch.Tensor] | None = None) -> tuple[Any, Any]:
        """Return image and boxes unchanged."""
        return image, target


def model_names() -> list[str]:
    """Return the names of torchvision's detectors that predict boxes only."""
    return [name for name in list_models(module=detection) if _family(name) in LABEL_OFFSETS]


def label_offset(model_name: str) -> int:
    """Return the label of a detector's first class: 1 if 0 is the background, otherwise 0."""
    return LABEL_OFFSETS[_family(model_name)]


def _family(model_name: str) -> str:
    """Return a name up to the first digit or underscore: ``ssdlite`` of ``ssdlite320_mobilenet_v3_large``."""
    return re.split(r"[\d_]", model_name)[0]


def build_net(model_name: str, num_classes: int, is_pretrained: bool, trainable_layers: int | None) -> Any:
    """Build a detector with random weights; nothing is downloaded.

    Args:
        model_name: One of :func:`model_names`.
        num_classes: Number of classes without the background.
        is_pretrained: Whether weights will be loaded, so that early layers of the backbone may be frozen.
        trainable_layers: As torchvision's ``trainable_backbone_layers``.

    Raises:
        InputError: torchvision has no such box detector, or its backbone has fewer layers.
    """
    if model_name not in model_names():
        remedy = nearest(model_name, model_names()) or f"choose from {', '.join(model_names())}"
        raise InputError(Problem("model.model_name", f"torchvision has no box detector {model_name!r}", remedy))
    builder = get_model_builder(model_name)
    try:
        with _frozen_as_if(is_pretrained, builder.__module__):
            net: Any = builder(
                weights=None,
                weights_backbone=None,
                num_classes=num_classes + label_offset(model_name),
                trainable_backbone_layers=trainable_layers if is_pretrained else None,
            )
    except ValueError as error:
        raise InputError(Problem("model.trainable_backbone_layers", str(error), "leave it out")) from None
    # Only the padding matters: sizes and mean of the transform are not used.
    net.transform = KeepImages(1, 1, [], [], size_divisible=net.transform.size_divisible)
    return net


@contextmanager
def _frozen_as_if(is_pretrained: bool, module_name: str) -> Iterator[None]:
    """Make a builder freeze the backbone's first layers although its weights are loaded later.

    Builders freeze layers only if they load the weights themselves
    (https://github.com/pytorch/vision/blob/v0.27.0/torchvision/models/detection/backbone_utils.py,
    ``_validate_trainable_layers``).
    """
    module = sys.modules[module_name]
    decide = module._validate_trainable_layers
    with patch.object(module, "_validate_trainable_layers", lambda _, *given: decide(is_pretrained, *given)):
        yield


def class_layers(net: Any, model_name: str, num_classes: int) -> set[str]:
    """Return the names of a detector's parameters whose shape depends on the number of classes."""
    with torch.device("meta"):
        others = build_net(model_name, num_classes + 1, False, None).state_dict()
    return {name for name, value in net.state_dict().items() if value.shape != others[name].shape}


def backbone_norms(net: Any) -> list[nn.Module]:
    """Return the batch norms of the classifier in the backbone, without those of a feature pyramid."""
    body = getattr(net.backbone, "body", net.backbone)
    return [module for module in body.modules() if isinstance(module, _BatchNorm)]


def apply_test_cfg(net: Any, test_cfg: Mapping[str, Any]) -> None:
    """Set thresholds and the number of boxes from mmdet's keys.

    Args:
        net: Changed in place.
        test_cfg: ``score_thr``, ``nms=dict(iou_threshold=...)`` and ``max_per_img``, each optional.

    Raises:
        InputError: An unknown key.
    """
    names = {"score_thr": "score_thresh", "max_per_img": "detections_per_img"}
    nms = {key: value for key, value in test_cfg.get("nms", {}).items() if key != "type"}
    unknown = [key for key in test_cfg if key not in (*names, "nms")]
    unknown += [f"nms.{key}" for key in nms if key != "iou_threshold"]
    if unknown:
        remedy = "torchvision's detectors take score_thr, nms.iou_threshold and max_per_img"
        raise InputError([Problem(f"model.test_cfg.{key}", "unknown key", remedy) for key in unknown])
    owner = net.roi_heads if hasattr(net, "roi_heads") else net
    values = {names[key]: test_cfg[key] for key in names if key in test_cfg}
    if nms:
        values["nms_thresh"] = nms["iou_threshold"]
    for name, value in values.items():
        setattr(owner, name, value)


def load_pretrained(net: Any, checkpoint: str, class_dependent: Collection[str]) -> list[str]:
    """Load a file's weights into a detector.

    Args:
        net: Changed in place.
        checkpoint: File or address with the state dict of a detector, by itself or under ``state_dict`` or ``model``,
            or with that of the backbone's classifier.
        class_dependent: Parameters whose shape depends on the number of classes and may differ.

    Returns:
        Names of the layers that start fresh.

    Raises:
        InputError: The file holds no weights, or layers other than the class-dependent ones do not fit.
    """
    state = _read_state(checkpoint)
    may_lack: list[str] = []
    if not any(name.startswith("backbone.") for name in state):
        state = _of_classifier(net, state, checkpoint)
        may_lack = [name for name in net.state_dict() if not name.startswith(BODY)]
    wanted = net.state_dict()
    fresh = [name for name in class_dependent if name in state and state[name].shape != wanted[name].shape]
    state = {name: value for name, value in state.items() if name not in fresh}
    _load(net, state, {*fresh, *may_lack}, checkpoint)
    return sorted({name.rpartition(".")[0] for name in fresh or may_lack})


def _read_state(checkpoint: str) -> StateDict:
    """Read the weights from a file written by torchvision's or this repository's training."""
    content: Any = CheckpointLoader.load_checkpoint(checkpoint, map_location="cpu")
    for key in ("state_dict", "model"):
        content = content.get(key, content)
    if not content or not all(map(torch.is_tensor, content.values())):
        raise InputError(Problem(checkpoint, "holds no state dict", "save model.state_dict() and nothing else"))
    return {name.removeprefix("module.").removeprefix("net."): value for name, value in content.items()}


def _of_classifier(net: Any, state: StateDict, where: str) -> dict[str, torch.Tensor]:
    """Rename a classifier's weights to their names in the detector's backbone."""
    if not any(name.startswith(BODY) for name in net.state_dict()):
        what = f"holds a classifier's weights, and the backbone of {type(net).__name__} is not built as a classifier"
        raise InputError(Problem(where, what, "give a whole detector's weights"))
    return {
        BODY + name.removeprefix("features."): value
        for name, value in state.items()
        if not name.startswith(CLASSIFIERS)
    }


def _load(net: Any, state: StateDict, may_lack: Collection[str], where: str) -> None:
    """Load weights, all of which have to fit; torchvision's layers convert the names of its older files."""
    try:
        result = net.load_state_dict(state, strict=False)
    except RuntimeError as error:
        shapes = [line.strip() for line in str(error).splitlines()[1:]]
        raise InputError(Problem(where, f"is of another architecture: {counted(shapes)}", REMEDY)) from None
    missing = [name for name in result.missing_keys if name not in may_lack]
    problems = []
    for names, what in ((missing, "lacks"), (result.unexpected_keys, "has no place for")):
        if names:
            subject = "" if what == "lacks" else "the model "
            problems.append(Problem(where, f"{subject}{what} {counted(names)}", REMEDY))
    if problems:
        raise InputError(problems)
