import zipfile
from dataclasses import replace

import pytest
from mmengine.config import Config

from sortline.errors import InputError
from sortline.pipeline.all_data import follow_folds, stop_at, train_on_all, use_all_data_folder
from sortline.runs.run_record import TRAINED, RunRecord, read_record

LOOP = dict(type="EpochBasedTrainLoop", max_epochs=12, val_interval=1)
STEPS = [dict(type="MultiStepLR", milestones=[8, 11])]


def config(**changes):
    return Config(dict(work_dir="work_dirs/x/all_data", train_cfg=LOOP, param_scheduler=STEPS) | changes)


def make_folds(root, epochs, loop=LOOP, steps=STEPS):
    for fold, epoch in enumerate(epochs):
        folder = root / f"fold_{fold}"
        folder.mkdir(parents=True)
        RunRecord("x.py", dict(train_cfg=loop, param_scheduler=steps), {}, fold, TRAINED).write(folder)
        with zipfile.ZipFile(folder / f"best_contest_mAP50_epoch_{epoch}.pth", "w") as file:
            file.writestr("data", "")


@pytest.mark.parametrize(
    ("work_dir", "asked", "expected"),
    [
        ("work_dirs/x", True, "work_dirs/x/all_data"),
        ("work_dirs/x/all_data", True, "work_dirs/x/all_data"),
        ("work_dirs/x/all_data", False, "work_dirs/x/all_data"),
        ("work_dirs/x", False, None),
    ],
)
def test_the_folder_says_it_as_well_as_the_option(work_dir, asked, expected):
    cfg = Config(dict(work_dir=work_dir))
    use_all_data_folder(cfg, asked)
    assert cfg.get("all_data", False) == (expected is not None)
    assert cfg.work_dir == (expected or work_dir)


def test_nothing_that_needs_a_validation_score_is_left():
    cfg = config(
        ann_files=dict(train="train.json", val="val.json"),
        val_dataloader=dict(),
        val_cfg=dict(),
        val_evaluator=dict(),
        default_hooks=dict(
            checkpoint=dict(type="AtomicCheckpointHook", save_best="contest/mAP50"),
            early_stopping=dict(type="EarlyStoppingHook"),
            timer=None,
        ),
        custom_hooks=[dict(type="ResumableEarlyStoppingHook"), dict(type="EMAHook")],
    )
    lines = train_on_all(cfg)
    assert (cfg.val_dataloader, cfg.val_cfg, cfg.val_evaluator) == (None, None, None)
    assert "save_best" not in cfg.default_hooks.checkpoint
    assert cfg.default_hooks.early_stopping is None
    assert cfg.custom_hooks == [dict(type="EMAHook")]
    assert cfg.train_sources == [dict(name="val", ann_file="val.json")]
    assert cfg.ann_files.val is None
    assert [word for word in ("save_best", "early stopping", "val.json") if word in "\n".join(lines)] == [
        "save_best",
        "early stopping",
        "val.json",
    ]


def test_it_stops_where_the_folds_were_best_and_keeps_the_schedule(tmp_path):
    make_folds(tmp_path / "x", [9, 12, 10])
    cfg = config(work_dir=str(tmp_path / "x/all_data"))
    (line,) = follow_folds(cfg, None)
    assert cfg.train_cfg.max_epochs == 10
    assert cfg.param_scheduler == STEPS
    assert "10 of 12 epochs" in line
    assert "fold 0: 9, fold 1: 12, fold 2: 10" in line


def test_without_folds_the_config_decides_unless_they_were_asked_for(tmp_path):
    cfg = config(work_dir=str(tmp_path / "all_data"))
    (line,) = follow_folds(cfg, None)
    assert "12 epochs as the config says" in line
    with pytest.raises(InputError, match="holds no runs of folds"):
        follow_folds(cfg, str(tmp_path))


def test_folds_of_another_schedule_are_refused(tmp_path):
    make_folds(tmp_path, [20], dict(LOOP, max_epochs=24))
    with pytest.raises(InputError, match=r"train_cfg.max_epochs = 24, now 12"):
        follow_folds(config(), str(tmp_path))


def test_folds_that_another_score_decided_are_refused(tmp_path):
    make_folds(tmp_path, [9, 10])
    for folder in tmp_path.glob("fold_*"):
        record = read_record(folder)
        replace(record, settings={**record.settings, "deciding_score": "contest/mAP50"}).write(folder)
    assert follow_folds(config(deciding_score="contest/mAP50"), str(tmp_path))
    with pytest.raises(InputError, match="deciding_score: is 'coco/bbox_mAP', while 'contest/mAP50' chose"):
        follow_folds(config(deciding_score="coco/bbox_mAP"), str(tmp_path))


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        (dict(train_cfg=dict(type="IterBasedTrainLoop", max_iters=900)), "counts iterations"),
        (dict(param_scheduler=dict(type="ReduceOnPlateauLR")), "needs a validation score"),
    ],
)
def test_runs_that_epochs_do_not_decide_are_refused(tmp_path, changes, message):
    make_folds(tmp_path, [9])
    with pytest.raises(InputError, match=message):
        follow_folds(config(**changes), str(tmp_path))


@pytest.mark.parametrize(
    ("hook", "epochs", "expected"),
    [
        # The last 4 of 12 epochs begin after epoch 8: 2 of them are left of 10 epochs, none of 8.
        (dict(type="LastEpochsPipelineHook", last_epochs=4), 10, dict(last_epochs=4 - (12 - 10))),
        (dict(type="LastEpochsPipelineHook", last_epochs=4), 8, None),
        (dict(type="YOLOXModeSwitchHook", num_last_epochs=4), 11, dict(num_last_epochs=3)),
        # Three quarters of 12 epochs are 9 epochs: 0.9 of 10, and not reached in 9.
        (dict(type="TailAverageHook"), 10, dict(begin=pytest.approx(0.75 * 12 / 10))),
        (dict(type="TailAverageHook", begin=0.75), 9, None),
        (dict(type="PipelineSwitchHook", switch_epoch=8), 10, dict(switch_epoch=8)),
    ],
)
def test_hooks_do_what_they_do_at_the_same_epoch(hook, epochs, expected):
    cfg = config(custom_hooks=[hook])
    stop_at(cfg, epochs)
    assert cfg.custom_hooks == ([] if expected is None else [{**hook, **expected}])
