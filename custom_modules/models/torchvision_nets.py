"""torchvision's box detectors as torchvision builds them, but for its own resizing and normalising of photos."""

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

#: What torchvision's labels start from, by family. Softmax has an output for the background, which comes first;
#: RetinaNet and FCOS score every class by itself and read a label as the row of its output (their ``compute_loss``
#: and ``postprocess_detections``), so that none is kept free.
LABEL_OFFSETS = {"fasterrcnn": 1, "ssd": 1, "ssdlite": 1, "retinanet": 0, "fcos": 0}

#: Layers of torchvision's classifiers that no detector has.
CLASSIFIERS = ("fc.", "classifier.")
BODY = "backbone.body."
REMEDY = "give weights of the same model_name: torchvision's own, or those of its backbone from ImageNet"

StateDict = Mapping[str, torch.Tensor]


class KeepImages(GeneralizedRCNNTransform):
    """torchvision's way from photos to a batch without normalising and resizing, which the pipeline has done."""

    def normalize(self, image: torch.Tensor) -> torch.Tensor:
        """Return the image as it is."""
        return image

    def resize(self, image: torch.Tensor, target: dict[str, torch.Tensor] | None = None) -> tuple[Any, Any]:
        """Return image and boxes as they are."""
        return image, target


def model_names() -> list[str]:
    """List the detectors of torchvision that predict boxes and nothing else."""
    return [name for name in list_models(module=detection) if _family(name) in LABEL_OFFSETS]


def label_offset(model_name: str) -> int:
    """Return the label that a detector gives to the first class: 1 where 0 is the background, else 0."""
    return LABEL_OFFSETS[_family(model_name)]


def _family(model_name: str) -> str:
    """Return what a name begins with, up to a digit or underscore: ``ssdlite`` of ``ssdlite320_mobilenet_v3_large``."""
    return re.split(r"[\d_]", model_name)[0]


def build_net(model_name: str, num_classes: int, is_pretrained: bool, trainable_layers: int | None) -> Any:
    """Build a detector with random weights; nothing is downloaded.

    Args:
        model_name: One of :func:`model_names`.
        num_classes: Number of classes, the background not counted.
        is_pretrained: Whether weights will be loaded, so that early layers of the backbone may be frozen.
        trainable_layers: As torchvision's ``trainable_backbone_layers``.

    Raises:
        InputError: torchvision has no such box detector, or its backbone not as many layers.
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
    # Only the padding counts: sizes and mean of the replaced transform are never used.
    net.transform = KeepImages(1, 1, [], [], size_divisible=net.transform.size_divisible)
    return net


@contextmanager
def _frozen_as_if(is_pretrained: bool, module_name: str) -> Iterator[None]:
    """Let a builder freeze the backbone's first layers though its weights come later and from elsewhere.

    Builders freeze only what they load themselves
    (https://github.com/pytorch/vision/blob/v0.27.0/torchvision/models/detection/backbone_utils.py,
    ``_validate_trainable_layers``).
    """
    module = sys.modules[module_name]
    decide = module._validate_trainable_layers
    with patch.object(module, "_validate_trainable_layers", lambda _, *given: decide(is_pretrained, *given)):
        yield


def class_layers(net: Any, model_name: str, num_classes: int) -> set[str]:
    """Name the parameters of a detector whose shape depends on the number of classes."""
    with torch.device("meta"):
        others = build_net(model_name, num_classes + 1, False, None).state_dict()
    return {name for name, value in net.state_dict().items() if value.shape != others[name].shape}


def backbone_norms(net: Any) -> list[nn.Module]:
    """List the batch norms of the classifier that the backbone is made of, those of a feature pyramid left out."""
    body = getattr(net.backbone, "body", net.backbone)
    return [module for module in body.modules() if isinstance(module, _BatchNorm)]


def apply_test_cfg(net: Any, test_cfg: Mapping[str, Any]) -> None:
    """Set thresholds and the number of boxes, written in mmdet's keys.

    Args:
        net: Changed in place.
        test_cfg: ``score_thr``, ``nms=dict(iou_threshold=...)`` and ``max_per_img``, each optional.

    Raises:
        InputError: Another key.
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
        checkpoint: File or address. It holds a detector's state dict, alone or as ``state_dict`` or ``model``, or
            that of the backbone's classifier.
        class_dependent: Parameters that may be of another shape, as they depend on the number of classes.

    Returns:
        Names of the layers that start fresh.

    Raises:
        InputError: The file holds no weights, or anything else than the class-dependent layers does not fit.
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
    """Read the weights of a file that torchvision's or this repository's training has written."""
    content: Any = CheckpointLoader.load_checkpoint(checkpoint, map_location="cpu")
    for key in ("state_dict", "model"):
        content = content.get(key, content)
    if not content or not all(map(torch.is_tensor, content.values())):
        raise InputError(Problem(checkpoint, "holds no state dict", "save model.state_dict() and nothing else"))
    return {name.removeprefix("module.").removeprefix("net."): value for name, value in content.items()}


def _of_classifier(net: Any, state: StateDict, where: str) -> dict[str, torch.Tensor]:
    """Give a classifier's weights the names that they have in the detector's backbone."""
    if not any(name.startswith(BODY) for name in net.state_dict()):
        what = f"is no {type(net).__name__}'s, whose backbone is not built as a classifier"
        raise InputError(Problem(where, what, "give a whole detector's weights"))
    return {
        BODY + name.removeprefix("features."): value
        for name, value in state.items()
        if not name.startswith(CLASSIFIERS)
    }


def _load(net: Any, state: StateDict, may_lack: Collection[str], where: str) -> None:
    """Load weights of which all have to fit; names of torchvision's older files are known to its layers."""
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
