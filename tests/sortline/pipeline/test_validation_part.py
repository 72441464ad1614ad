"""A fold's files are used only if they belong together and to the config's train file."""

import json
import shlex

import pytest
from helpers import coco, parts_of_fold, write_folds
from mmengine.config import Config

from sortline.errors import InputError
from sortline.files import file_sha256
from sortline.pipeline.validation_part import available_folds, check_together, use_fold


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
