"""Weights trained in Detectron2 for the same detectors in mmdet: R-CNN models with a ResNet and a feature pyramid.

mmdet's own converter (``tools/model_converters/detectron2_to_mmdet.py``) puts a prefix before every name, for a
detector that runs Detectron2 itself; here names are those of mmdet's layers, and Detectron2 is not needed.
"""

from __future__ import annotations

import pickle
import re
from collections import OrderedDict
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch

from sortline.errors import InputError, Problem, counted, tool_command
from sortline.files import missing_part
from sortline.weights.checkpoint_loading import load_checkpoint_safely

StateDict = dict[str, torch.Tensor]

_BLOCK = r"backbone\.bottom_up\.res(?P<n>\d)\.(?P<block>\d+)\."
_STAGE = r"(?P<stage>(\.\d)?)"  # of a Cascade R-CNN

#: What Detectron2's names begin with, mmdet's in their place, and where Detectron2 starts to count ``n``; mmdet
#: starts from 0.
RULES = (
    (r"backbone\.bottom_up\.stem\.conv1\.norm\.", "backbone.bn1.", 0),
    (r"backbone\.bottom_up\.stem\.conv1\.", "backbone.conv1.", 0),
    (_BLOCK + r"shortcut\.norm\.", "backbone.layer{n}.{block}.downsample.1.", 1),
    (_BLOCK + r"shortcut\.", "backbone.layer{n}.{block}.downsample.0.", 1),
    (_BLOCK + r"conv(?P<conv>\d)\.norm\.", "backbone.layer{n}.{block}.bn{conv}.", 1),
    (_BLOCK + r"conv(?P<conv>\d)\.", "backbone.layer{n}.{block}.conv{conv}.", 1),
    (r"backbone\.fpn_lateral(?P<n>\d)\.", "neck.lateral_convs.{n}.conv.", 2),
    (r"backbone\.fpn_output(?P<n>\d)\.", "neck.fpn_convs.{n}.conv.", 2),
    (r"proposal_generator\.rpn_head\.conv\.", "rpn_head.rpn_conv.", 0),
    (r"proposal_generator\.rpn_head\.objectness_logits\.", "rpn_head.rpn_cls.", 0),
    (r"proposal_generator\.rpn_head\.anchor_deltas\.", "rpn_head.rpn_reg.", 0),
    (rf"roi_heads\.box_head{_STAGE}\.fc(?P<n>\d)\.", "roi_head.bbox_head{stage}.shared_fcs.{n}.", 1),
    (rf"roi_heads\.box_predictor{_STAGE}\.cls_score\.", "roi_head.bbox_head{stage}.fc_cls.", 0),
    (rf"roi_heads\.box_predictor{_STAGE}\.bbox_pred\.", "roi_head.bbox_head{stage}.fc_reg.", 0),
    (r"roi_heads\.mask_head\.mask_fcn(?P<n>\d)\.", "roi_head.mask_head.convs.{n}.conv.", 1),
    (r"roi_heads\.mask_head\.deconv\.", "roi_head.mask_head.upsample.", 0),
    (r"roi_heads\.mask_head\.predictor\.", "roi_head.mask_head.conv_logits.", 0),
)
#: Constants that older versions keep beside the weights.
CONSTANTS = re.compile(r"pixel_(mean|std)$|proposal_generator\.anchor_generator\.cell_anchors\.\d+$")
#: mmdet's layers with an output for each class.
CLASS_LAYERS = ("fc_cls", "fc_reg", "conv_logits")


@dataclass(frozen=True)
class Fitted:
    """Weights under the names of a model.

    Attributes:
        state: The weights that fit.
        fresh: Layers that the file has for another number of classes, which are not in ``state``.
    """

    state: StateDict
    fresh: tuple[str, ...]


def mmdet_name(name: str) -> str | None:
    """Return mmdet's name of a weight; None for a name that no supported detector of Detectron2 has.

    >>> mmdet_name("backbone.bottom_up.res2.0.conv1.norm.weight")
    'backbone.layer1.0.bn1.weight'
    """
    for pattern, template, start in RULES:
        found = re.match(pattern, name)
        if found:
            fields: dict[str, Any] = dict(found.groupdict())
            if "n" in fields:
                fields["n"] = int(fields["n"]) - start
            return template.format(**fields) + name[found.end() :]
    return None


def read_weights(path: Path, trust: bool = False) -> StateDict:
    """Read ``model_final.pth`` of a training, or a ``.pkl`` as the model zoo has them.

    Args:
        path: The file.
        trust: Unpickle whatever it holds, which may run any code.

    Raises:
        InputError: The file is absent, damaged, without weights, or needs trust.
    """
    content = _read_pickle(path, trust) if path.suffix == ".pkl" else load_checkpoint_safely(path, trust)
    weights = content.get("model", content) if isinstance(content, dict) else None
    if not isinstance(weights, dict) or not weights or not all(map(_is_weight, weights.values())):
        if isinstance(weights, dict) and "state_dict" in weights:
            what, remedy = (
                "is a checkpoint of mmengine, not of Detectron2",
                "test it as it is: " + tool_command("tools/test.py", "CONFIG", path),
            )
        else:
            what, remedy = "holds no weights", "give the model_final.pth or .pkl of Detectron2"
        raise InputError(Problem(str(path), what, remedy))
    return {str(name): torch.as_tensor(value) for name, value in weights.items()}


def _is_weight(value: Any) -> bool:
    return torch.is_tensor(value) or (isinstance(value, np.ndarray | np.generic) and value.dtype.kind in "fiu")


def _latin1(text: str, encoding: str) -> bytes:
    """Stand in for ``codecs.encode``, by which a pickle for old Pythons spells an array's bytes."""
    if encoding != "latin1":
        raise pickle.UnpicklingError(f"encode to {encoding!r}")
    return text.encode(encoding)


def _harmless() -> dict[tuple[str, str], Any]:
    """List all that a pickle of arrays may call, by the names that different versions of numpy give it."""
    core = np._core if hasattr(np, "_core") else np.core
    functions = {
        "multiarray": (core.multiarray._reconstruct, core.multiarray.scalar),
        "numeric": (core.numeric._frombuffer,),
    }
    return {
        (f"numpy.{package}.{module}", function.__name__): function
        for module, named in functions.items()
        for function in named
        for package in ("core", "_core")
    } | {
        ("numpy", "ndarray"): np.ndarray,
        ("numpy", "dtype"): np.dtype,
        ("collections", "OrderedDict"): OrderedDict,
        ("_codecs", "encode"): _latin1,
    }


class ArrayUnpickler(pickle.Unpickler):
    """Reads dicts, lists, texts, numbers and numpy arrays; whatever else a pickle asks for is refused unexecuted."""

    harmless = _harmless()

    def find_class(self, module: str, name: str) -> Any:
        """Return one of the few things that arrays are made of.

        Raises:
            pickle.UnpicklingError: It is something else.
        """
        if (module, name) not in self.harmless:
            raise pickle.UnpicklingError(f"{module}.{name}")
        return self.harmless[module, name]


def _read_pickle(path: Path, trust: bool) -> Any:
    unpickler = pickle.Unpickler if trust else ArrayUnpickler
    try:
        with path.open("rb") as file:
            return unpickler(file, encoding="latin1").load()
    except OSError as error:
        raise InputError(Problem(str(path), f"can't be read: {error.strerror}", missing_part(path))) from None
    except pickle.UnpicklingError as error:
        if not re.fullmatch(r"[\w.]+|encode to .*", str(error)):
            raise InputError(Problem(str(path), f"is damaged: {error}", "copy or download it again")) from None
        what = f"can't be loaded without running code that it brings along: {error}"
        raise InputError(Problem(str(path), what, "if you know who made it, add --trust-checkpoint")) from None
    except Exception as error:  # a damaged pickle makes its reader stumble over anything
        what = f"is damaged or no pickle: {error or type(error).__name__}"
        raise InputError(Problem(str(path), what, "copy or download it again")) from error


def fit(weights: Mapping[str, torch.Tensor], wanted: Mapping[str, torch.Tensor], where: str) -> Fitted:
    """Give Detectron2's weights the names of a model of mmdet.

    Args:
        weights: Under Detectron2's names.
        wanted: The model's state dict.
        where: The file, as shown to the user.

    Raises:
        InputError: Anything but layers that depend on the number of classes does not fit; all together.
    """
    named = {name: mmdet_name(name) for name in weights if not CONSTANTS.match(name)}
    state = {new: weights[name] for name, new in named.items() if new is not None}
    counters = {name for name in wanted if name.endswith("num_batches_tracked")}  # Detectron2's norms are frozen
    other_shape = [name for name in state if name in wanted and state[name].shape != wanted[name].shape]
    fresh = [name for name in other_shape if name.split(".")[-2] in CLASS_LAYERS]
    wrong = {
        "names of no R-CNN with a feature pyramid": [name for name, new in named.items() if new is None],
        "weights that the config's model does not have": [name for name in state if name not in wanted],
        "no weights for parts of the config's model": [
            name for name in wanted if name not in state and name not in counters
        ],
        "weights of another shape": [name for name in other_shape if name not in fresh],
    }
    remedy = "give a config of the same detector: as many layers (depth=101 for R_101), masks or stages as were trained"
    problems = [Problem(where, f"{what}: {counted(names)}", remedy) for what, names in wrong.items() if names]
    if problems:
        raise InputError(problems)
    kept = {name: value for name, value in state.items() if name not in fresh}
    return Fitted(kept, tuple(sorted({name.rpartition(".")[0] for name in fresh})))


def input_problems(weights: Mapping[str, torch.Tensor], model: Mapping[str, Any], where: str) -> list[Problem]:
    """Compare what a file says of its input with what a config feeds its model.

    Args:
        weights: Under Detectron2's names; older versions keep ``pixel_mean`` and ``pixel_std`` among them.
        model: The config's model.
        where: The file, as shown to the user.
    """
    preprocessor = model.get("data_preprocessor") or {}
    problems = []
    for key, name in (("mean", "pixel_mean"), ("std", "pixel_std")):
        if name not in weights:
            continue
        trained, given = weights[name].flatten().tolist(), list(preprocessor.get(key) or [])
        if not np.allclose(trained, given or np.nan, atol=0.01):
            what = f"was trained with {name} {[round(value, 3) for value in trained]}, the config has {given}"
            problems.append(Problem(where, what, f"write it into model.data_preprocessor.{key}"))
    return problems


def style_note(model: Mapping[str, Any]) -> str:
    """Say what the weights can't tell and a config may have wrong; an empty string where it is as Detectron2's own."""
    if (model.get("backbone") or {}).get("style") == "caffe":
        return ""
    return (
        "the config's backbone strides in 3x3 convolutions; Detectron2's R-50 and R-101 do so in 1x1 ones unless "
        "RESNETS.STRIDE_IN_1X1 is False: set model.backbone.style='caffe' then"
    )
