"""A fold's files are used only if they belong together and to the config's train file."""

import json
import shlex
import zipfile
from dataclasses import replace

import pytest
from helpers import coco, parts_of_fold, write_folds
from mmengine.config import Config

from sortline.errors import InputError
from sortline.files import file_sha256
from sortline.pipeline.validation_part import (
    available_folds,
    check_together,
    follow_folds,
    stop_at,
    train_on_all,
    use_all_data_folder,
    use_fold,
)
from sortline.runs.run_record import TRAINED, RunRecord, read_record


@pytest.fixture
def root(tmp_path):
    (tmp_path / "train.json").write_text(json.dumps(coco()))
    write_folds(tmp_path, coco())
    return tmp_path


def config(root, **changes):
    settings = dict(
        data_root=str(root),
        ann_files=dict(train="train.json", val=None, test="test.json"),
        fold_files="folds/fold_{fold}_{part}.json",
    )
    return Config({**settings, **changes})


def refused(cfg, fold=1):
    with pytest.raises(InputError) as refusal:
        use_fold(cfg, fold)
    return str(refusal.value)


def rewrite(root, part, content, fold=1):
    (root / "folds" / f"fold_{fold}_{part}.json").write_text(json.dumps(content))


def origin(root, part, fold=1, **changes):
    digest = file_sha256(root / "train.json")
    return {"source_sha256": digest, "folds": 3, "seed": 0, "fold": fold, "part": part, **changes}


def write_with_origins(root, fold=1, content_of=None, **changes):
    for part, content in parts_of_fold(coco(), fold if content_of is None else content_of).items():
        said = {"sortline": {**origin(root, part, fold), **changes.get(part, {})}}
        rewrite(root, part, {**content, "info": said}, fold)


def test_a_fold_is_trained_and_validated_on_its_own_files(root):
    cfg = config(root)
    (line,) = use_fold(cfg, 1)
    assert cfg.ann_files == dict(train="folds/fold_1_train.json", val="folds/fold_1_val.json", test="test.json")
    assert cfg.fold == 1
    assert "fold 1: 4 images to train on, 2 to validate on" in line


def test_folds_are_found_in_the_order_of_their_numbers(root):
    write_folds(root, coco(), folds=12)
    (root / "folds/fold_7_train.json").unlink()
    (root / "folds/fold_x_val.json").touch()
    assert available_folds(config(root)) == [0, 1, 2, 3, 4, 5, 6, 8, 9, 10, 11]


def test_absent_folds_are_named_with_those_that_are_there(root, tmp_path):
    assert "there are the folds 0, 1, 2" in refused(config(root), 5)
    (tmp_path / "folds").rename(tmp_path / "elsewhere")
    message = refused(config(root))
    assert "fold_1_train.json: no such fold file" in message
    assert f"make them: python tools/make_folds.py {root}/train.json --folds 5" in message


def test_the_command_that_makes_folds_is_quoted(root):
    odd = root / "it's my $data"
    odd.mkdir()
    command = refused(config(odd)).partition("make them: ")[2].partition("\n")[0]
    assert shlex.split(command) == ["python", "tools/make_folds.py", f"{odd}/train.json", "--folds", "5"]


def test_a_config_without_fold_files_is_refused(root):
    assert "names no fold_files" in refused(config(root, fold_files=None))


def test_an_image_in_both_parts_is_a_leak(root):
    rewrite(root, "train", coco())
    message = refused(config(root))
    assert "2 of its images are in" in message
    assert "train/0001.jpg, train/0004.jpg" in message


def test_folds_of_another_train_file_are_refused(root):
    (root / "train.json").write_text(json.dumps(coco(images=5)))
    assert "1 images of the fold are not in" in refused(config(root))
    (root / "train.json").write_text(json.dumps(coco(images=7)))
    assert "in neither part of the fold: train/0006.jpg" in refused(config(root))


def test_folds_of_another_version_of_the_train_file_are_refused(root):
    for part, content in parts_of_fold(coco(), 1).items():
        rewrite(root, part, {**content, "info": {"sortline": origin(root, part)}})
    use_fold(config(root), 1)
    content = coco()
    content["annotations"][0]["bbox"][0] += 1
    (root / "train.json").write_text(json.dumps(content))
    assert "has other boxes than" in refused(config(root))
    content["annotations"][0]["bbox"][0] -= 1
    content["info"] = {"description": "the same boxes in another file"}
    (root / "train.json").write_text(json.dumps(content))
    assert "was not made as this part of this fold from this train file" in refused(config(root))


@pytest.mark.parametrize(
    ("part", "change"),
    [("train", {"part": "val"}), ("val", {"fold": 0}), ("val", {"source_sha256": [1]}), ("train", {"part": None})],
)
def test_parts_made_as_something_else_are_refused(root, part, change):
    write_with_origins(root)
    use_fold(config(root), 1)
    write_with_origins(root, **{part: change})
    assert f"fold_1_{part}.json: was not made as this part" in refused(config(root))


def test_parts_of_two_calls_are_refused(root):
    write_with_origins(root, val={"seed": 1})
    assert "were made by two calls of make_folds.py" in refused(config(root))


@pytest.mark.parametrize("info", ["x", [1], {"sortline": "x"}])
def test_an_odd_origin_is_none(root, info):
    for part, content in parts_of_fold(coco(), 1).items():
        rewrite(root, part, {**content, "info": info})
    use_fold(config(root), 1)


@pytest.mark.parametrize(
    "change",
    [
        lambda part: {**part, "annotations": part["annotations"][1:]},
        lambda part: {**part, "annotations": [{**box, "category_id": 9} for box in part["annotations"]]},
        lambda part: {**part, "annotations": []},
    ],
)
def test_boxes_that_are_not_the_train_files_are_refused(root, change):
    rewrite(root, "val", change(parts_of_fold(coco(), 1)["val"]))
    assert "has other boxes than" in refused(config(root))


def test_folds_must_have_been_made_together(root):
    check_together(config(root), [0, 1, 2])
    for fold in range(3):
        write_with_origins(root, fold)
    check_together(config(root), [0, 1, 2])
    write_with_origins(root, 2, train={"seed": 7}, val={"seed": 7})
    with pytest.raises(InputError, match=r"folds 2 were made by another call of make_folds\.py than fold 0"):
        check_together(config(root), [0, 1, 2])
    for part, content in parts_of_fold(coco(), 1).items():
        rewrite(root, part, content, fold=0)
    with pytest.raises(InputError, match=r"2 images validate in more than one fold: train/0001\.jpg"):
        check_together(config(root), [0, 1])


LOOP = dict(type="EpochBasedTrainLoop", max_epochs=12, val_interval=1)
STEPS = [dict(type="MultiStepLR", milestones=[8, 11])]


def all_data_config(**changes):
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
    cfg = all_data_config(
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
    cfg = all_data_config(work_dir=str(tmp_path / "x/all_data"))
    (line,) = follow_folds(cfg, None)
    assert cfg.train_cfg.max_epochs == 10
    assert cfg.param_scheduler == STEPS
    assert "10 of 12 epochs" in line
    assert "fold 0: 9, fold 1: 12, fold 2: 10" in line


def test_without_folds_the_config_decides_unless_they_were_asked_for(tmp_path):
    cfg = all_data_config(work_dir=str(tmp_path / "all_data"))
    (line,) = follow_folds(cfg, None)
    assert "12 epochs as the config says" in line
    with pytest.raises(InputError, match="holds no runs of folds"):
        follow_folds(cfg, str(tmp_path))


def test_folds_of_another_schedule_are_refused(tmp_path):
    make_folds(tmp_path, [20], dict(LOOP, max_epochs=24))
    with pytest.raises(InputError, match=r"train_cfg.max_epochs = 24, now 12"):
        follow_folds(all_data_config(), str(tmp_path))


def test_folds_that_another_score_decided_are_refused(tmp_path):
    make_folds(tmp_path, [9, 10])
    for folder in tmp_path.glob("fold_*"):
        record = read_record(folder)
        replace(record, settings={**record.settings, "deciding_score": "contest/mAP50"}).write(folder)
    assert follow_folds(all_data_config(deciding_score="contest/mAP50"), str(tmp_path))
    with pytest.raises(InputError, match="deciding_score: is 'coco/bbox_mAP', while 'contest/mAP50' chose"):
        follow_folds(all_data_config(deciding_score="coco/bbox_mAP"), str(tmp_path))


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
        follow_folds(all_data_config(**changes), str(tmp_path))


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
    cfg = all_data_config(custom_hooks=[hook])
    stop_at(cfg, epochs)
    assert cfg.custom_hooks == ([] if expected is None else [{**hook, **expected}])
