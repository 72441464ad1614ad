"""Every experiment config, found by glob: a new one is covered the day it appears."""

from __future__ import annotations

import copy
import re
from collections import Counter
from pathlib import Path
from typing import Any

import pytest
from helpers import ROOT, coco
from shrink import shrink_experiment

from sortline.pipeline import edit as edits
from sortline.pipeline.bind import bind, class_names
from sortline.pipeline.check.keys import check_keys
from sortline.pipeline.check.training import check_schedule
from sortline.pipeline.compose import load_config
from sortline.pipeline.prepare import CheckedRun, device_type, ready_to_train, ready_with_weights
from sortline.pipeline.registered import Schema, load_schema, register
from sortline.pipeline.request import RunRequest

CONFIGS = sorted(path for path in (ROOT / "configs").rglob("*.py") if "_base_" not in path.parts)
by_name = pytest.mark.parametrize("path", CONFIGS, ids=lambda path: path.stem)
#: torchvision's own, which can't be made tiny: minutes for the second Faster R-CNN.
LARGE = ("faster-rcnn-v2_r50_fpn_1x_recycle",)
FIRST_OF_FAMILY = {path.parent: path for path in reversed(CONFIGS) if path.stem not in LARGE}.values()


@pytest.fixture(scope="module")
def schema() -> Schema:
    return load_schema()


def test_names_are_unique():
    assert [name for name, count in Counter(path.name for path in CONFIGS).items() if count > 1] == []


@by_name
def test_the_name_has_its_slots(path: Path):
    """<model>_<backbone>[_<extras>]_<schedule>_<dataset>, the dataset one of configs/_base_/datasets."""
    assert re.fullmatch(r"[a-z0-9-]+(_[a-z0-9-]+)*_(\d+x|\d+e|smoke)_[a-z0-9]+", path.stem)
    assert (ROOT / "configs/_base_/datasets" / f"{path.stem.rpartition('_')[2]}.py").exists()


@by_name
def test_it_opens_with_its_story(path: Path):
    head = path.read_text().partition("_base_")[0]
    assert f"python tools/train.py {path.relative_to(ROOT)}" in head
    assert head.startswith("# ")


@by_name
def test_it_is_a_difference(path: Path):
    assert len(path.read_text().splitlines()) <= 60


@pytest.mark.mm
@by_name
def test_it_is_sound_and_takes_its_classes_from_the_dataset(path: Path, schema: Schema):
    cfg = load_config(path)
    bind(cfg)
    assert check_keys(cfg, schema) + check_schedule(cfg) == []
    heads = [value for key, value in _items(cfg._cfg_dict["model"]) if key == "num_classes"]
    assert heads
    assert set(heads) - {1} == {len(class_names(cfg))}


def _items(node: Any) -> list[tuple[str, Any]]:
    """List (key, value) of every dict below a node, proposal heads left out."""
    if isinstance(node, list | tuple):
        return [pair for item in node for pair in _items(item)]
    if not isinstance(node, dict):
        return []
    return [pair for key, value in node.items() if key != "rpn_head" for pair in [(key, value), *_items(value)]]


@pytest.mark.mm
@pytest.mark.parametrize(
    "path",
    [pytest.param(path, marks=[] if path in FIRST_OF_FAMILY else [pytest.mark.slow]) for path in CONFIGS],
    ids=lambda path: path.stem,
)
def test_it_trains_and_predicts(path: Path, make_dataset, tmp_path: Path):
    """Two iterations of training, validation and test on tiny photos, through to a checked submission.

    The first config of each family among the fast tests, all of them among the others.
    """
    from sortline.data.annotations import read_annotations
    from sortline.pipeline import execute
    from sortline.predictions.submission_boxes import inspect_submission

    cfg = load_config(path)
    cfg.data_root = str(make_dataset(train=coco(masks=True)))
    for source in cfg.get("train_sources") or []:
        source.update(data_root=cfg.data_root, ann_file="train.json")
    cfg.ann_files.val = "train.json"
    cfg.work_dir = str(tmp_path / "run")
    bind(cfg)
    edits.use_smoke(cfg)
    if cfg.optim_wrapper.type == "AmpOptimWrapper" and device_type() == "cpu":
        pytest.skip("float16 needs a GPU")
    register(cfg)
    shrink_experiment(cfg)
    cfg.visualizer.vis_backends = [dict(type="LocalVisBackend")]
    run = CheckedRun(RunRequest(str(cfg.filename)), cfg)
    result = execute.run_training(ready_to_train(copy.deepcopy(run)))
    assert Path(result["last_checkpoint"]).exists()
    tested = execute.run_test(ready_with_weights(run, run.record(), Path(result["last_checkpoint"])))
    assert 0.0 <= tested["metrics"]["contest/mAP50"] <= 1.0
    assert inspect_submission(tested["submission"], read_annotations(f"{cfg.data_root}/test.json")).problems == []
