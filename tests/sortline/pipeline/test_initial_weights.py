import json
import zipfile

import pytest
from helpers import coco, parts_of_fold
from mmengine.config import Config

from sortline.errors import InputError
from sortline.pipeline.initial_weights import find_initial_weights
from sortline.runs.run_record import TRAINED, TRAINING, RunRecord, describe_files


def write(path, content):
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(content))
    return str(path)


@pytest.fixture
def make_run(tmp_path):
    """Return a factory of trained runs of a fold, with the files that they were trained on."""

    def make(folder="first/fold_0", fold=0, status=TRAINED, trained_as=None):
        root = tmp_path / folder
        part = parts_of_fold(coco(), fold if trained_as is None else trained_as)["train"]
        train = write(tmp_path / f"data/{folder.replace('/', '_')}_train.json", part)
        model = dict(type="GFL", backbone=dict(type="R", init_cfg=dict(type="Pretrained", checkpoint="x")))
        root.mkdir(parents=True)
        RunRecord("first.py", dict(model=model), describe_files(dict(train=train)), fold, status).write(root)
        for name, entry in (("epoch_2.pth", "last"), ("best_contest_mAP50_epoch_1.pth", "best")):
            with zipfile.ZipFile(root / name, "w") as file:
                file.writestr(entry, "")
        return root

    return make


@pytest.fixture
def make_cfg(tmp_path):
    def make(fold=0, **settings):
        val = write(tmp_path / "data/val.json", parts_of_fold(coco(), fold or 0)["val"])
        cfg = Config(dict(model=dict(), val_dataloader=dict(dataset=dict(type="D", ann_file=val)), **settings))
        if fold is not None:
            cfg.fold = fold
        return cfg

    return make


def test_a_fold_starts_from_the_best_of_the_same_fold(make_run, make_cfg, tmp_path):
    make_run("first/fold_0", 0)
    run = make_run("first/fold_1", 1)
    start = find_initial_weights(make_cfg(fold=1, start_from=f"{tmp_path}/first"))
    assert start.weights == run / "best_contest_mAP50_epoch_1.pth"
    cfg = make_cfg(fold=1)
    start.apply(cfg)
    assert cfg.load_from == str(start.weights)


def test_all_data_starts_from_all_data(make_run, make_cfg, tmp_path):
    make_run("first/fold_0", 0)
    run = make_run("first/all_data", None, trained_as=0)
    cfg = make_cfg(fold=None, start_from=f"{tmp_path}/first", all_data=True)
    cfg.val_dataloader = None
    assert find_initial_weights(cfg).weights.parent == run


def test_a_teacher_comes_with_its_model_but_not_what_that_started_from(make_run, make_cfg, tmp_path):
    run = make_run()
    cfg = make_cfg(teacher_from=f"{tmp_path}/first")
    start = find_initial_weights(cfg, resumes=True)
    start.apply(cfg)
    assert cfg.model.teacher_ckpt == str(run / "best_contest_mAP50_epoch_1.pth")
    assert cfg.model.teacher_config.model == dict(type="GFL", backbone=dict(type="R", init_cfg=None))
    assert "load_from" not in cfg


def test_a_resumed_run_needs_no_start(make_cfg):
    assert find_initial_weights(make_cfg(start_from="/nowhere/first"), resumes=True).weights is None


def test_nothing_named_is_nothing_found(make_cfg):
    start = find_initial_weights(make_cfg())
    cfg = make_cfg()
    start.apply(cfg)
    assert "load_from" not in cfg


def refused(cfg):
    with pytest.raises(InputError) as error:
        find_initial_weights(cfg)
    return str(error.value)


def test_a_run_that_is_not_there_is_named_with_its_command(make_cfg):
    message = refused(make_cfg(fold=2, start_from="rtmdet_tiny_cspnext-pafpn-640_20e_recycle"))
    assert "work_dirs/rtmdet_tiny_cspnext-pafpn-640_20e_recycle/fold_2 holds no run" in message
    assert "python tools/train.py configs/rtmdet/rtmdet_tiny_cspnext-pafpn-640_20e_recycle.py --fold 2" in message
    assert "did you mean 'rtmdet_tiny_cspnext-pafpn-640_20e_recycle'" in refused(
        make_cfg(start_from="rtmdet_tiny_cspnext-pafpn-640_20e_recycl")
    )


def test_start_and_teacher_are_reported_together(make_cfg):
    message = refused(make_cfg(start_from="/nowhere/a", teacher_from="/nowhere/b"))
    assert "/nowhere/a/fold_0" in message
    assert "/nowhere/b/fold_0" in message


def test_an_unfinished_run_is_refused(make_run, make_cfg, tmp_path):
    make_run(status=TRAINING)
    message = refused(make_cfg(start_from=f"{tmp_path}/first"))
    assert "has not come to its end" in message
    assert "--resume" in message


def test_a_run_of_another_fold_is_refused(make_run, make_cfg, tmp_path):
    make_run("first/fold_0", fold=1)
    assert "holds the run of fold 1, this is fold 0" in refused(make_cfg(start_from=f"{tmp_path}/first"))


def test_weights_that_have_seen_the_validation_images_are_refused(make_run, make_cfg, tmp_path):
    make_run(trained_as=1)
    assert "was trained on 2 images that this run validates on" in refused(make_cfg(start_from=f"{tmp_path}/first"))


def test_a_train_file_that_has_changed_leaves_it_open(make_run, make_cfg, tmp_path):
    make_run()
    (tmp_path / "data/first_fold_0_train.json").write_text("{}")
    assert "has changed: what it has seen is not known" in refused(make_cfg(start_from=f"{tmp_path}/first"))
