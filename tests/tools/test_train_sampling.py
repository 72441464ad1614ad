"""Training with weighted samplers and several sources through the command line."""

from __future__ import annotations

import json
import re

import pytest
from helpers import coco, refusal

pytestmark = pytest.mark.mm

SMALL = """
train_dataloader["sampler"] = dict(_delete_=True, type="OversampleSampler", factors={"Paper pack": 3}, epoch_size=8)
"""
MIXING = """
load_pipeline = [dict(type="LoadImageFromFile"), dict(type="LoadAnnotations", with_bbox=True)]
train_pipeline = [
    dict(type="Mosaic", img_scale=(64, 64), pad_val=114.0),
    dict(type="Resize", scale=(64, 64), keep_ratio=False),
    dict(type="PackDetInputs"),
]
train_dataloader.update(
    sampler=dict(_delete_=True, type="RepeatFactorSampler", thr=0.5),
    dataset=dict(_delete_=True, type="MultiImageMixDataset", dataset=dict(type="DetectionDataset")),
)
train_sources = [dict(name="more", ann_file="more.json", weight=0.5)]
"""


def later_images(first: int) -> dict:
    """The images of coco() from ``first`` on."""
    content = coco()
    content["images"] = content["images"][first:]
    content["annotations"] = content["annotations"][first:]
    return content


def log_of(run) -> str:
    return "".join(path.read_text() for path in sorted(run.glob("*/*.log")))


def test_a_run_says_what_it_drew(run_tool, make_dataset, make_config, tmp_path):
    run = tmp_path / "run"
    config = make_config(make_dataset(val=coco(images=2)), SMALL)
    options = ("--work-dir", run, "--cfg-options", "ann_files.val=val.json")
    result = run_tool("train", config, *options)
    assert result.returncode == 0, result.stderr
    # images 2 and 5 of 6 hold a Paper pack: weights 3 + 3 of 10, so 2 or 3 of 8 draws each
    record = json.loads((run / "sampling.json").read_text())
    assert record["sampler"] == "OversampleSampler"
    assert record["last_epoch"]["images"] == 8
    assert record["last_epoch"]["boxes"]["Paper pack"] in (4, 5, 6)
    assert record["data"]["boxes"]["Paper pack"] == 2
    assert "epoch 1 drew 8 images" in log_of(run)
    drawn = record["last_epoch"]["boxes"]["Paper pack"]
    assert re.search(rf"^Paper pack +{drawn} +\S+% +2 +33.3%$", log_of(run), re.MULTILINE)


def test_sources_and_classes_are_weighed_together_below_a_wrapper(run_tool, make_dataset, make_config, tmp_path):
    run = tmp_path / "run"
    data = make_dataset(train=coco(images=4), more=later_images(2), val=coco(images=2))
    config = make_config(data, MIXING)
    options = ("--work-dir", run, "--cfg-options", "ann_files.val=val.json")
    trained = run_tool("train", config, *options)
    assert trained.returncode == 0, trained.stderr
    record = json.loads((run / "sampling.json").read_text())
    # each of 4 main images once, and 0.5 x 4 of the source's
    assert record["last_epoch"]["sources"] == {"main": 4, "more": 2}
    assert "train_dataloader.sampler.source_weights = {'more': 0.5}" in log_of(run)


def test_training_on_validation_images_is_refused(run_tool, make_dataset, make_config, tmp_path):
    config = make_config(make_dataset(), 'train_sources = [dict(name="again", ann_file="train.json")]\n')
    message = refusal(run_tool("train", config, "--work-dir", tmp_path / "run"))
    assert "train_sources.0: trains on images that are validated on, 2 of" in message
    assert "remove them from the source" in message
