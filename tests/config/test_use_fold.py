"""A fold's files are used only if they belong together and to the config's train file."""

import json

import pytest
from helpers import coco, parts_of_fold, write_folds
from mmengine.config import Config

from custom_modules.config.folds import available_folds, use_fold
from custom_modules.errors import InputError
from custom_modules.files import file_sha256


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
        origin = {"sortline": {"source_sha256": file_sha256(root / "train.json")}}
        rewrite(root, part, {**content, "info": origin})
    use_fold(config(root), 1)
    content = coco()
    content["annotations"][0]["bbox"][0] += 1
    (root / "train.json").write_text(json.dumps(content))
    assert "was made from another version" in refused(config(root))
