"""The deciding score reaches all that watch it, and must be one that the evaluators report."""

import pytest
from mmengine.config import Config

from sortline.pipeline.bind import bind, reported_names
from sortline.pipeline.check.training import check_score

CONTEST, COCO = dict(type="ContestMetric"), dict(type="CocoMetric", metric=["bbox", "segm"])


def config(**changes):
    hooks = dict(checkpoint=dict(type="AtomicCheckpointHook"), timer=None)
    stopping = dict(type="ResumableEarlyStoppingHook", patience=5)
    whole = dict(
        metainfo=dict(classes=("cup", "can")),
        val_evaluator=[CONTEST, COCO],
        deciding_score="coco/bbox_mAP",
        default_hooks=hooks,
        custom_hooks=[stopping],
    )
    return Config(whole | changes, filename="x.py", cfg_text="x")


def watched(cfg):
    lines = bind(cfg)
    stopping = cfg.custom_hooks[0]
    return cfg.default_hooks.checkpoint.save_best, stopping.get("monitor"), stopping.get("rule"), "\n".join(lines)


def test_checkpoints_and_early_stopping_watch_it():
    best, monitor, rule, lines = watched(config())
    assert (best, monitor, rule) == ("coco/bbox_mAP", "coco/bbox_mAP", "greater")
    assert "default_hooks.checkpoint.save_best = 'coco/bbox_mAP'" in lines
    assert "custom_hooks.0.monitor = 'coco/bbox_mAP'" in lines


def test_a_loss_is_better_when_it_is_less():
    assert watched(config(deciding_score="loss"))[:3] == ("loss", "loss", "less")


@pytest.mark.parametrize(
    ("evaluators", "score"),
    [
        ([CONTEST, COCO], "contest/mAP50"),
        (COCO, "coco/bbox_mAP"),
        (dict(type="CocoMetric", metric="segm", metric_items=["mAP_50"], prefix="val"), "val/segm_mAP_50"),
        (dict(type="VOCMetric"), "auto"),
    ],
)
def test_unless_stated_it_is_the_first_that_is_reported(evaluators, score):
    cfg = config(val_evaluator=evaluators, deciding_score=None)
    assert watched(cfg)[0] == score
    assert cfg.get("deciding_score") == (None if score == "auto" else score)


def test_what_a_hook_names_itself_stays():
    hooks = dict(checkpoint=dict(type="AtomicCheckpointHook", save_best=["contest/mAP50", "coco/segm_mAP"]))
    cfg = config(default_hooks=hooks)
    best, monitor, _, lines = watched(cfg)
    assert (best, monitor) == (["contest/mAP50", "coco/segm_mAP"], "contest/mAP50")
    assert "deciding_score = 'contest/mAP50' (was 'coco/bbox_mAP')" in lines
    assert cfg.deciding_score == "contest/mAP50"
    stopping = [dict(type="EarlyStoppingHook", monitor="contest/AP50_can")]
    assert watched(config(custom_hooks=stopping))[:3] == ("coco/bbox_mAP", "contest/AP50_can", "greater")


def test_without_a_validation_nothing_is_watched():
    cfg = config(val_evaluator=None)
    bind(cfg)
    assert "save_best" not in cfg.default_hooks.checkpoint


def test_names_are_those_that_the_evaluators_report():
    assert reported_names(config(val_evaluator=CONTEST))[:3] == [
        "contest/mAP50",
        "contest/coco_mAP",
        "contest/coco_AP50",
    ]
    assert reported_names(config())[-6:-4] == ["coco/segm_mAP", "coco/segm_mAP_50"]
    classwise = dict(COCO, metric="bbox", classwise=True, metric_items=["mAP"])
    assert reported_names(config(val_evaluator=classwise)) == [
        "coco/bbox_mAP",
        "coco/cup_precision",
        "coco/can_precision",
    ]
    assert reported_names(config(val_evaluator=[CONTEST, dict(type="VOCMetric")])) is None


def test_unknown_names_are_refused_with_the_nearest():
    hooks = dict(checkpoint=dict(type="AtomicCheckpointHook", save_best="contest/AP50_cap"))
    cfg = config(
        deciding_score="contest/map50",
        default_hooks=hooks,
        custom_hooks=[dict(type="EarlyStoppingHook", monitor="coco/bbox_mAP"), dict(type="OtherHook", monitor="x")],
        val_evaluator=CONTEST,
    )
    problems = check_score(cfg)
    assert [problem.where for problem in problems] == [
        "x.py, deciding_score",
        "x.py, default_hooks.checkpoint.save_best",
        "x.py, custom_hooks.0.monitor",
    ]
    assert problems[0].what == "val_evaluator reports no 'contest/map50'"
    assert "'contest/mAP50'" in problems[0].remedy
    assert "'contest/AP50_can'" in problems[1].remedy
    assert 'add dict(type="CocoMetric", metric="bbox") to val_evaluator' in problems[2].remedy


@pytest.mark.parametrize(
    "changes", [{}, dict(deciding_score="loss_cls"), dict(val_evaluator=None), dict(default_hooks={})]
)
def test_sound_configs_have_no_problem(changes):
    assert check_score(config(**changes)) == []
