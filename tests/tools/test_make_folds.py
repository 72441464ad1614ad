import json

import pytest
from helpers import coco, refusal

from sortline.data.annotations import read_annotations
from sortline.files import file_sha256


def names_in(path):
    return [image["file_name"] for image in read_annotations(path)["images"]]


@pytest.fixture
def fold(run_tool, make_dataset):
    """Make folds of a small dataset; keyword arguments replace files, ``None`` leaves the photos out."""
    root = make_dataset()

    def run(*args, train=None):
        if train is not None:
            (root / "train.json").write_text(train if isinstance(train, str) else json.dumps(train))
        return root, run_tool("make_folds", root / "train.json", *args)

    return run


def test_folds_of_photos(fold):
    root, result = fold("--folds", 3)
    assert result.returncode == 0, result.stderr
    train = names_in(root / "train.json")
    vals = [names_in(root / f"folds/fold_{number}_val.json") for number in range(3)]
    assert sorted(name for val in vals for name in val) == train
    for number, val in enumerate(vals):
        assert names_in(root / f"folds/fold_{number}_train.json") == [name for name in train if name not in val]
    rows = (root / "folds.csv").read_text().splitlines()[1:]
    assert rows == [f"{name},{next(k for k in range(3) if name in vals[k])}" for name in train]
    assert "General trash" in result.stdout
    assert "near-duplicates: none" in result.stdout
    assert str(root / "folds" / "report.json") in result.stdout
    report = json.loads((root / "folds" / "report.json").read_text())
    assert report["source_sha256"] == file_sha256(root / "train.json")
    # Two boxes of each of three classes in three folds: at least one fold has none of each.
    assert [row["total"] for row in report["balance"]["classes"][:4]] == [2, 2, 2, 0]
    assert report["balance"]["rare_classes"] == ["General trash", "Paper", "Paper pack"]
    origin = read_annotations(root / "folds/fold_1_val.json")["info"]["sortline"]
    expected = {"source": "train.json", "source_sha256": report["source_sha256"], "folds": 3, "seed": 0}
    assert origin == {**expected, "fold": 1, "part": "val"}


def test_copies_of_a_photo_stay_together(fold):
    root, _ = fold("--folds", 2)
    (root / "train/0001.jpg").write_bytes((root / "train/0000.jpg").read_bytes())
    (root / "train/0002.jpg").write_bytes((root / "train/0000.jpg").read_bytes())
    root, result = fold("--folds", 2, "--overwrite")
    assert "near-duplicates: 1 group of 3 images kept together" in result.stdout
    folds = [row.split(",")[1] for row in (root / "folds.csv").read_text().splitlines()[1:4]]
    assert len(set(folds)) == 1


def test_groups_of_several_kinds_add_up(fold, tmp_path):
    data = coco()
    for index, image in enumerate(data["images"]):
        image["scene"] = "beach" if index in (0, 5) else index
    (tmp_path / "groups.csv").write_text(
        "file_name,group\n"
        + "\n".join(f"train/{index:04}.jpg,{index % 5}" for index in (5, 4, 3, 2, 1))
        + "\ntrain/0000.jpg,7\n"
    )
    args = ("--folds", 3, "--group-key", "scene", "--groups", tmp_path / "groups.csv", "--no-near-duplicates")
    root, result = fold(*args, train=data)
    assert result.returncode == 0, result.stderr
    assert "key 'scene': 1 group of 2 images" in result.stdout
    assert "groups.csv: none" in result.stdout
    assert "near-duplicates were not looked for: --no-near-duplicates" in result.stdout
    folds = [row.split(",")[1] for row in (root / "folds.csv").read_text().splitlines()[1:]]
    assert folds[0] == folds[5]


def test_the_folds_most_like_the_test_set(fold):
    root, result = fold("--folds", 2, "--like", "{root}", "--tries", 3)
    assert "{root}: no such file" in refusal(result)
    root, result = fold("--folds", 2, "--like", root / "test.json", "--tries", 3)
    assert result.returncode == 0, result.stderr
    assert "compared with test.json: brightness" in result.stdout
    like = json.loads((root / "folds/report.json").read_text())["like"]
    assert sorted(like["gaps"]) == ["0", "1", "2"]
    assert like["same"] == ["image width (px)", "image height (px)"]


def test_a_holdout_split(fold):
    root, result = fold("--val-fraction", 0.34)
    assert result.returncode == 0, result.stderr
    assert len(names_in(root / "holdout_val.json")) == round(0.34 * 6)
    assert sorted(names_in(root / "holdout_train.json") + names_in(root / "holdout_val.json")) == names_in(
        root / "train.json"
    )
    assert json.loads((root / "holdout_report.json").read_text())["val_fraction"] == 0.34
    assert not (root / "folds").exists()


def test_without_photos_or_boxes(fold, tmp_path):
    root, result = fold("--folds", 2, "--image-root", tmp_path, "--out", tmp_path / "new", train=coco(boxes=False))
    assert result.returncode == 0, result.stderr
    assert f"near-duplicates were not looked for: none of the 6 photos is below {tmp_path}" in result.stdout
    assert "the file has no boxes: only the number of images is balanced" in result.stdout
    assert len(names_in(tmp_path / "new/folds/fold_0_val.json")) == 3
    assert not (root / "folds").exists()


@pytest.mark.parametrize(
    ("args", "message"),
    [
        (("--folds", 7), "folds: 7 folds need at least as many images: there are 6"),
        (("--val-fraction", 1.2), "fraction: 1.2 is not between 0 and 1"),
        (("--folds", 3, "--val-fraction", 0.2), "not allowed with argument"),
        (("--folds", 1, "--seed", -1, "--tries", 0, "--image-root", "nowhere"), "4 problems"),
        (("--group-key", "scene"), "no image has the key 'scene'"),
        (("--groups", "nowhere.csv"), "nowhere.csv: no such file"),
        (("--near-duplicates", "--image-root", "."), "--near-duplicates: none of the 6 photos is below ."),
        (("--out", "{root}/train.json"), "train.json"),
    ],
)
def test_what_can_not_be_used_is_refused(fold, tmp_path, args, message):
    args = [str(arg).format(root=tmp_path / "data") for arg in args]
    root, result = fold(*args)
    assert message in refusal(result)
    assert not (root / "folds").exists()
    assert not list(root.glob("*.tmp"))


@pytest.mark.parametrize(
    ("train", "message"),
    [
        ('{"images": [', "train.json: is cut short"),
        (coco(images=1), "5 folds need at least as many images: there is 1"),
        ({**coco(), "info": "a text"}, "train.json: 'info' is a str"),
    ],
)
def test_a_file_that_can_not_be_split_is_refused(fold, train, message):
    assert message in refusal(fold(train=train)[1])


def test_folds_of_an_earlier_call_are_kept(fold):
    root, _ = fold("--folds", 2)
    before = (root / "folds/fold_0_val.json").read_bytes()
    assert fold("--folds", 2)[1].returncode == 0
    assert "already holds files of another split" in refusal(fold("--folds", 3)[1])
    assert (root / "folds/fold_0_val.json").read_bytes() == before
    assert fold("--folds", 3, "--overwrite")[1].returncode == 0
    assert "fold_2_train.json" in refusal(fold("--folds", 2)[1])


def test_names_that_look_like_markup_are_shown_as_they_are(fold):
    content = coco()
    content["categories"][0]["name"] = "[/b]odd"
    _, result = fold("--folds", 2, train=content)
    assert result.returncode == 0, result.stderr
    assert "[/b]odd" in result.stdout


def test_a_value_that_json_can_not_hold_is_refused_before_anything_is_written(fold):
    text = json.dumps(coco())[:-1] + ', "extra": [[NaN]]}'
    root, result = fold("--folds", 2, train=text)
    assert "train.json: holds NaN or infinity" in refusal(result)
    assert not (root / "folds").exists()
