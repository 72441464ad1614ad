"""Pipelines and models for tests with several views, made from any config."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from helpers import ROOT
from mmengine.config import Config, ConfigDict
from written_runs import trained

from sortline.errors import InputError
from sortline.pipeline.bind import bind
from sortline.pipeline.check.keys import check_keys
from sortline.pipeline.compose import load_config
from sortline.pipeline.registered import load_schema
from sortline.pipeline.tta import (
    META_KEYS,
    TtaSettings,
    check_tta,
    read_settings,
    tta_folder,
    tta_record,
    use_tta,
    with_views,
)
from sortline.runs.named_score import Score
from sortline.runs.run_record import TRAINED, TRAINING, RunRecord

CONFIGS = sorted(path for path in (ROOT / "configs").rglob("*.py") if "_base_" not in path.parts)
BASES = sorted((ROOT / "configs/_base_/tta").glob("*.py"))
STEPS = (
    dict(type="LoadImageFromFile"),
    dict(type="Resize", scale=(640, 640), keep_ratio=True),
    dict(type="Pad", size=(640, 640)),
    dict(type="LoadAnnotations", with_bbox=True),
    dict(type="PackDetInputs"),
)


def make_cfg(*steps: dict[str, Any], **keys: Any) -> Config:
    """A bound config that only tests, with a detector that keeps 100 boxes a photo."""
    dataset = dict(type="DetectionDataset", pipeline=list(steps or STEPS))
    model = dict(type="RTMDet", test_cfg=dict(max_per_img=100))
    return Config({"model": model, "test_dataloader": dict(dataset=dataset), "work_dir": "work_dirs/x", **keys})


def views_of(cfg: Config) -> list[list[ConfigDict]]:
    *_, step = cfg.test_dataloader.dataset.pipeline
    assert step.type == "TestTimeAug"
    (views,) = step.transforms
    return [view.transforms for view in views]


def test_without_settings_a_photo_and_its_mirror_image_are_merged():
    cfg = make_cfg()
    lines = use_tta(cfg)
    plain, mirrored = views_of(cfg)
    assert [step.type for step in plain] == ["RandomFlip", *(step["type"] for step in STEPS[1:])]
    assert plain[0] == dict(type="RandomFlip", prob=0.0, direction="horizontal")
    assert mirrored[0] == dict(type="RandomFlip", prob=1.0, direction="horizontal")
    assert plain[1:] == mirrored[1:]
    assert plain[-1].meta_keys == META_KEYS
    assert cfg.test_dataloader.dataset.pipeline[0] == STEPS[0]
    assert any("2 views of a photo: 640x640, as it is and flipped (horizontal)" in line for line in lines)


def test_the_model_is_wrapped_and_keeps_as_many_boxes_as_the_detector():
    cfg = make_cfg(tta=dict(iou_thr=0.6, conf_type="max"))
    use_tta(cfg)
    detector = dict(type="RTMDet", test_cfg=dict(max_per_img=100))
    assert cfg.model == dict(type="WBFTTAModel", module=detector, max_per_image=100, iou_thr=0.6, conf_type="max")


@pytest.mark.parametrize(
    ("test_cfg", "given", "expected"),
    [
        (dict(rpn=dict(max_per_img=1000), rcnn=dict(max_per_img=100)), {}, 100),
        (dict(score_thr=0.01), {}, None),
        (None, {}, None),
        (dict(max_per_img=300), dict(max_per_image=50), 50),
        (dict(max_per_img=300), dict(max_per_image=None), None),
    ],
)
def test_the_limit_of_boxes_is_the_detector_s_unless_given(test_cfg, given, expected):
    cfg = make_cfg(tta=given)
    cfg.model.test_cfg = test_cfg
    use_tta(cfg)
    assert cfg.model.max_per_image == expected


@pytest.mark.parametrize(
    ("scale", "resized", "padded"),
    [
        (0.8, (512, 512), (512, 512)),
        (1.2, (768, 768), (768, 768)),
        (1.1, (704, 704), (704, 704)),
        (0.83, (544, 544), (544, 544)),  # 531.2 is nearest to 17 x 32
        (0.84, (544, 544), (544, 544)),  # 537.6 as well
        (0.81, (512, 512), (544, 544)),  # 518.4 is nearest to 16 x 32; the padding is rounded up
        (0.01, (32, 32), (32, 32)),
    ],
)
def test_sizes_stay_multiples_of_the_stride_and_fit_into_their_padding(scale, resized, padded):
    cfg = make_cfg(tta=dict(scales=[scale], flips=["vertical"]))
    use_tta(cfg)
    for view in views_of(cfg):
        assert view[1].scale == resized
        assert view[2].size == padded


@pytest.mark.parametrize(
    ("step", "key", "expected"),
    [
        (dict(type="Resize", scale=(1333, 800), keep_ratio=True), "scale", (1066, 640)),
        (dict(type="mmdet.Resize", scale=640), "scale", 512),
        (dict(type="Resize", scale_factor=2), "scale_factor", 1.6),
        (dict(type="Resize", scale_factor=(1.0, 0.5)), "scale_factor", (0.8, 0.4)),
        (dict(type="FixScaleResize", scale=(640, 320), keep_ratio=True), "scale", (512, 256)),
        (dict(type="ResizeShortestEdge", scale=800, max_size=1333), "max_size", 1066),
        (dict(type="FixShapeResize", width=640, height=320), "height", 256),
    ],
)
def test_every_way_of_resizing_is_scaled(step, key, expected):
    cfg = make_cfg(STEPS[0], step, STEPS[-1], tta=dict(scales=[0.8, 1]))
    use_tta(cfg)
    assert views_of(cfg)[0][1][key] == expected
    assert views_of(cfg)[2][1] == step


def test_views_come_scale_by_scale_the_plain_one_first():
    views = with_views([ConfigDict(step) for step in STEPS], TtaSettings((0.5, 1.0), ("horizontal", "diagonal")))
    (views,) = views[-1].transforms
    seen = [(view.transforms[1].scale[0], view.transforms[0].prob, view.transforms[0].direction) for view in views]
    assert seen == [
        (size, probability, direction)
        for size in (320, 640)
        for probability, direction in ((0.0, "horizontal"), (1.0, "horizontal"), (1.0, "diagonal"))
    ]


def test_meta_keys_of_the_config_are_kept():
    pack = dict(type="PackDetInputs", meta_keys=("img_id", "border"))
    cfg = make_cfg(*STEPS[:-1], pack)
    use_tta(cfg)
    assert views_of(cfg)[0][-1].meta_keys == (*META_KEYS, "border")


@pytest.mark.parametrize(
    ("tta", "message"),
    [
        ("flips", "write a dict"),
        (dict(scale=[1, 2]), "did you mean 'scales'"),
        (dict(scales=[0.8, -1]), "holds -1"),
        (dict(scales=[True, 2]), "holds True"),
        (dict(scales=[]), "is empty"),
        (dict(scales=[0.8, 0.8]), "twice"),
        (dict(flips=["horizontl"]), "did you mean 'horizontal'"),
        (dict(flips=[["horizontal"]]), "holds"),
        (dict(flips=["vertical", "vertical"]), "twice"),
        (dict(flips=[]), "one view only"),
        (dict(iou_thr=2), "tta.iou_thr: is 2"),
        (dict(conf_type="mean"), "tta.conf_type: is 'mean'"),
        (dict(max_per_image=0), "tta.max_per_image: is 0"),
    ],
)
def test_settings_that_mean_nothing_are_named(tta, message):
    assert message in "\n".join(map(str, check_tta(Config(dict(tta=tta)))))


def test_all_problems_come_together():
    assert len(check_tta(Config(dict(tta=dict(scales=[0], flips=["up"], iou=0.5, skip_box_thr=-1))))) == 4


def test_one_value_does_for_a_list_as_the_command_line_gives_it():
    assert check_tta(Config(dict(tta=dict(scales=1.5, flips="vertical")))) == []
    assert read_settings(Config(dict(tta=dict(scales=1.5, flips="vertical")))) == TtaSettings((1.5,), ("vertical",))


@pytest.mark.parametrize(
    ("steps", "scales", "message"),
    [
        (STEPS[1:], [1], "does not begin with loading a photo"),
        (STEPS[:-1], [1], "does not begin with loading a photo and end with PackDetInputs"),
        ((*STEPS[:2], dict(type="RandomFlip", prob=0.5), STEPS[-1]), [1], "has a RandomFlip of its own"),
        ((STEPS[0], dict(type="TestTimeAug", transforms=[]), STEPS[-1]), [1], "has a TestTimeAug of its own"),
        ((STEPS[0], STEPS[-1]), [0.8, 1], "has 0 steps that resize"),
        ((*STEPS[:2], *STEPS[1:]), [0.8, 1], "has 2 steps that resize"),
        (STEPS, [1, 1.01], "scales 1 and 1.01 both give 640x640"),
    ],
)
def test_pipelines_of_which_no_views_can_be_made_are_refused_and_left_alone(steps, scales, message):
    cfg = make_cfg(*steps, tta=dict(scales=scales))
    before = cfg.pretty_text
    with pytest.raises(InputError, match=message):
        use_tta(cfg)
    assert cfg.pretty_text == before


def test_flips_alone_need_no_step_that_resizes():
    cfg = make_cfg(STEPS[0], STEPS[-1], tta=dict(flips=["diagonal"]))
    use_tta(cfg)
    assert len(views_of(cfg)) == 2


def test_results_get_a_folder_laid_out_as_the_run_s():
    assert tta_folder("work_dirs/x") == "work_dirs/x/tta"
    assert tta_folder("work_dirs/x/fold_2", 2) == "work_dirs/x/tta/fold_2"
    assert tta_folder("work_dirs/fold_2") == "work_dirs/fold_2/tta"


def test_the_record_keeps_its_own_settings_and_says_how_far_the_run_has_come():
    record, run = RunRecord("c.py", {"views": 4}, {}), RunRecord("c.py", {"views": 1}, {}, best_score=0.5)
    assert tta_record(record, None) == record
    assert tta_record(record, trained(run, 0.7)) == RunRecord(
        "c.py", {"views": 4}, {}, None, TRAINED, Score("contest/mAP50", 0.7)
    )
    assert tta_record(record, run).status == TRAINING


@pytest.mark.parametrize("path", BASES, ids=lambda path: path.stem)
def test_bases_are_sound_and_say_how_many_views_they_are(path: Path):
    cfg = load_config(path)
    assert check_tta(cfg) == []
    settings = read_settings(cfg)
    words = {4: "four", 6: "six"}
    assert words[len(settings.scales) * (1 + len(settings.flips))] in path.read_text()


@pytest.mark.mm
@pytest.mark.parametrize("path", CONFIGS, ids=lambda path: path.stem)
def test_every_config_can_be_tested_so(path: Path):
    cfg = load_config(path)
    cfg.tta = dict(scales=[0.8, 1.0, 1.2], flips=["horizontal", "vertical"])
    bind(cfg)
    use_tta(cfg)
    assert check_keys(cfg, load_schema()) == []
    for part in ("val", "test"):
        (views,) = cfg[f"{part}_dataloader"].dataset.pipeline[-1].transforms
        assert len(views) == 9
