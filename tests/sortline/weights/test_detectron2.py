"""Detectron2's weights under mmdet's names, read without running code."""

from __future__ import annotations

import os
import pickle
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from detectron2_names import detectron2_state

torch = pytest.importorskip("torch")

from mmdet.registry import MODELS  # noqa: E402
from mmengine.config import ConfigDict  # noqa: E402

import custom_modules.register_all  # noqa: E402, F401
from sortline.errors import InputError  # noqa: E402
from sortline.pipeline.pick import pick  # noqa: E402
from sortline.weights.detectron2 import (  # noqa: E402
    fit,
    input_problems,
    mmdet_name,
    read_weights,
    style_note,
)

pytestmark = pytest.mark.mm

FASTER = "mmdet::faster_rcnn/faster-rcnn_r50-caffe_fpn_1x_coco.py"
CONFIGS = (
    FASTER,
    "mmdet::cascade_rcnn/cascade-rcnn_r50-caffe_fpn_1x_coco.py",
    "mmdet::mask_rcnn/mask-rcnn_r50-caffe_fpn_1x_coco.py",
)


def shapes(config: str = FASTER, num_classes: int | None = None) -> dict[str, torch.Tensor]:
    """Return the names and shapes of a model's weights, without memory behind them."""
    model = ConfigDict(pick(config, "model"))
    if num_classes:
        model["roi_head"]["bbox_head"]["num_classes"] = num_classes
    with torch.device("meta"):
        return MODELS.build(model).state_dict()


@pytest.mark.parametrize("config", CONFIGS)
def test_every_name_is_found_again_and_nothing_is_left(config: str) -> None:
    wanted = shapes(config)
    theirs = detectron2_state(wanted)
    assert len(theirs) > 200
    assert {mmdet_name(name) for name in theirs} <= wanted.keys()
    fitted = fit(theirs, wanted, "model_final.pkl")
    assert fitted.fresh == ()
    assert {name for name in wanted if name not in fitted.state} == {
        name for name in wanted if name.endswith("num_batches_tracked")
    }


@pytest.mark.parametrize(
    ("theirs", "ours"),
    [
        ("backbone.bottom_up.stem.conv1.norm.running_var", "backbone.bn1.running_var"),
        ("backbone.bottom_up.res5.2.conv3.weight", "backbone.layer4.2.conv3.weight"),
        ("backbone.bottom_up.res4.22.conv1.norm.bias", "backbone.layer3.22.bn1.bias"),
        ("backbone.bottom_up.res2.0.shortcut.norm.weight", "backbone.layer1.0.downsample.1.weight"),
        ("backbone.fpn_lateral2.bias", "neck.lateral_convs.0.conv.bias"),
        ("backbone.fpn_output5.weight", "neck.fpn_convs.3.conv.weight"),
        ("proposal_generator.rpn_head.anchor_deltas.weight", "rpn_head.rpn_reg.weight"),
        ("roi_heads.box_head.fc2.weight", "roi_head.bbox_head.shared_fcs.1.weight"),
        ("roi_heads.box_predictor.2.bbox_pred.bias", "roi_head.bbox_head.2.fc_reg.bias"),
        ("backbone.res2.0.conv1.weight", None),
    ],
)
def test_names(theirs: str, ours: str | None) -> None:
    """As the files of Detectron2's model zoo have them; the last is of a model without feature pyramid."""
    assert mmdet_name(theirs) == ours


def test_layers_for_other_classes_start_fresh_and_are_named() -> None:
    fitted = fit(detectron2_state(shapes()), shapes(num_classes=10), "coco.pkl")
    assert fitted.fresh == ("roi_head.bbox_head.fc_cls", "roi_head.bbox_head.fc_reg")
    assert "roi_head.bbox_head.fc_cls.weight" not in fitted.state


def test_whatever_else_does_not_fit_is_refused_all_at_once() -> None:
    wanted = shapes()
    theirs = detectron2_state(wanted)
    theirs["head.cls_subnet.0.weight"] = theirs.pop("backbone.fpn_lateral2.bias")
    theirs["backbone.bottom_up.res4.6.conv1.weight"] = theirs["backbone.bottom_up.res4.5.conv1.weight"]
    theirs["backbone.fpn_lateral3.bias"] = torch.ones(3)
    with pytest.raises(InputError) as error:
        fit(theirs, wanted, "model_final.pkl")
    assert [problem.what for problem in error.value.problems] == [
        "names of no R-CNN with a feature pyramid: head.cls_subnet.0.weight",
        "weights that the config's model does not have: backbone.layer3.6.conv1.weight",
        "no weights for parts of the config's model: neck.lateral_convs.0.conv.bias",
        "weights of another shape: neck.lateral_convs.1.conv.bias",
    ]


ARRAYS = {"a.weight": np.arange(6, dtype=np.float32).reshape(2, 3), "a.count": np.int64(3)}


@pytest.mark.parametrize("protocol", range(pickle.HIGHEST_PROTOCOL + 1))
def test_a_pickle_of_arrays_needs_no_trust(tmp_path: Path, protocol: int) -> None:
    path = tmp_path / "model_final.pkl"
    path.write_bytes(pickle.dumps({"model": ARRAYS, "__author__": "somebody"}, protocol))
    weights = read_weights(path)
    assert weights["a.weight"].tolist() == [[0, 1, 2], [3, 4, 5]]
    assert weights["a.count"].item() == 3


def test_a_checkpoint_of_a_training_is_read_too(tmp_path: Path) -> None:
    content = {"model": {"a.weight": torch.ones(2)}, "iteration": 7, "optimizer": {"state": {}}}
    torch.save(content, tmp_path / "model_final.pth")
    assert read_weights(tmp_path / "model_final.pth")["a.weight"].tolist() == [1, 1]


class _Trap:
    """Makes a folder when it is unpickled."""

    def __init__(self, place: Path) -> None:
        self.place = place

    def __reduce__(self) -> tuple[Any, ...]:
        return os.mkdir, (str(self.place),)


def test_code_in_a_pickle_is_refused_unexecuted_unless_it_is_trusted(tmp_path: Path) -> None:
    path = tmp_path / "model_final.pkl"
    path.write_bytes(pickle.dumps({"model": ARRAYS, "more": _Trap(tmp_path / "sprung")}))
    with pytest.raises(InputError, match=r"running code that it brings along: \w+\.mkdir(.|\n)*--trust-checkpoint"):
        read_weights(path)
    assert not (tmp_path / "sprung").exists()
    assert "a.weight" in read_weights(path, trust=True)
    assert (tmp_path / "sprung").exists()


def test_other_codecs_than_that_of_arrays_are_refused(tmp_path: Path) -> None:
    path = tmp_path / "model_final.pkl"
    path.write_bytes(b"c_codecs\nencode\n(Vabc\nVzip\ntR.")
    with pytest.raises(InputError, match="encode to 'zip'"):
        read_weights(path)


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (pickle.dumps({"model": {}}), "holds no weights"),
        (pickle.dumps([1, 2]), "holds no weights"),
        (pickle.dumps({"model": {"a": "text"}}), "holds no weights"),
        (pickle.dumps({"model": ARRAYS})[:-9], "is damaged"),
        (b"no pickle at all", "is damaged"),
        (b"", "is damaged"),
    ],
)
def test_files_without_weights_are_refused(tmp_path: Path, content: bytes, message: str) -> None:
    path = tmp_path / "model_final.pkl"
    path.write_bytes(content)
    with pytest.raises(InputError, match=message):
        read_weights(path)


@pytest.mark.parametrize("name", ["absent.pkl", "absent.pth"])
def test_an_absent_file_is_refused(tmp_path: Path, name: str) -> None:
    with pytest.raises(InputError, match=r"no such checkpoint|No such file"):
        read_weights(tmp_path / name)


def test_input_is_compared_where_the_file_tells_of_it() -> None:
    caffe = pick(FASTER, "model")
    mean, std = torch.tensor([103.53, 116.28, 123.675]).view(3, 1, 1), torch.ones(3, 1, 1)
    assert input_problems({"pixel_mean": mean, "pixel_std": std}, caffe, "m.pkl") == []
    assert input_problems({}, caffe, "m.pkl") == []
    other = input_problems({"pixel_mean": mean.flip(0), "pixel_std": 2 * std}, caffe, "m.pkl")
    assert [problem.remedy for problem in other] == [
        "write it into model.data_preprocessor.mean",
        "write it into model.data_preprocessor.std",
    ]
    assert input_problems({"pixel_mean": mean}, {}, "m.pkl") != []


@pytest.mark.parametrize(("style", "is_quiet"), [("caffe", True), ("pytorch", False), (None, False)])
def test_a_backbone_that_strides_elsewhere_is_remarked_on(style: str | None, is_quiet: bool) -> None:
    assert (style_note({"backbone": {"style": style}}) == "") is is_quiet
