import json

import numpy as np
import pytest
from helpers import coco

from sortline.data.annotations import read_annotations
from sortline.data.folding.fold_files import fold_outputs, holdout_outputs, write_outputs
from sortline.errors import InputError

ORIGIN = {"source": "train.json", "source_sha256": "0" * 64, "folds": 2, "seed": 0}
OF_IMAGE = np.array([0, 1, 1, 0])


@pytest.fixture
def write(tmp_path):
    """Write the folds of four images to a folder."""

    def run(of_image=OF_IMAGE, overwrite=False, data=None, source=tmp_path / "train.json"):
        outputs = fold_outputs(data or coco(images=4), of_image, tmp_path, ORIGIN, {"seed": 0})
        write_outputs(outputs, source, overwrite)
        return tmp_path

    return run


def contents(folder):
    return {path.relative_to(folder).as_posix(): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


def test_the_files(write):
    folder = write()
    parts = [f"folds/fold_{fold}_{part}.json" for fold in (0, 1) for part in ("train", "val")]
    assert sorted(contents(folder)) == sorted([*parts, "folds.csv", "folds/report.json"])
    assert (folder / "folds.csv").read_text().splitlines() == [
        "file_name,fold",
        "train/0000.jpg,0",
        "train/0001.jpg,1",
        "train/0002.jpg,1",
        "train/0003.jpg,0",
    ]


def test_parts_keep_everything_and_say_where_they_come_from(write):
    data = {**coco(images=4), "info": {"year": 2021}, "licenses": [{"id": 0}]}
    val = read_annotations(write(data=data) / "folds" / "fold_0_val.json")
    assert val.pop("info") == {"year": 2021, "sortline": {**ORIGIN, "fold": 0, "part": "val"}}
    assert val == {
        **{key: data[key] for key in ("licenses", "categories")},
        "images": [data["images"][0], data["images"][3]],
        "annotations": [data["annotations"][0], data["annotations"][3]],
    }


@pytest.mark.parametrize("info", [None, "absent"])
def test_a_file_without_info_gets_one(write, info):
    data = coco(images=4) if info == "absent" else {**coco(images=4), "info": None}
    content = json.loads((write(data=data) / "folds" / "fold_1_train.json").read_text())
    assert content["info"]["sortline"]["part"] == "train"


def test_any_file_name_can_be_written(write):
    data = coco(images=4)
    data["images"][0]["file_name"] = "train/\ud800é.jpg"
    images = json.loads((write(data=data) / "folds" / "fold_0_val.json").read_text(encoding="utf-8"))["images"]
    assert images[0] == data["images"][0]


def test_equal_files_may_be_written_again(write):
    before = contents(write())
    assert contents(write()) == before


def test_other_files_are_kept_unless_overwriting_is_asked_for(write):
    before = contents(write())
    with pytest.raises(
        InputError, match=r"already holds files of another split: fold_0_train.json, .* 2 more\n.*--over"
    ):
        write(of_image=1 - OF_IMAGE)
    assert contents(write()) == before
    assert contents(write(of_image=1 - OF_IMAGE, overwrite=True)) != before


def test_folds_beyond_the_new_number_are_removed(write):
    folder = write(of_image=np.array([0, 1, 2, 0]))
    (folder / "folds" / "notes.txt").write_text("mine")
    with pytest.raises(InputError, match=r"fold_2_train\.json"):
        write()
    names = contents(write(overwrite=True))
    assert "folds/fold_1_val.json" in names
    assert "folds/fold_2_val.json" not in names
    assert "folds/notes.txt" in names


def test_the_source_is_never_overwritten(write, tmp_path):
    with pytest.raises(InputError, match="would be overwritten by a part of itself"):
        write(overwrite=True, source=tmp_path / "folds" / "fold_0_train.json")
    assert contents(tmp_path) == {}


def test_a_holdout_split(tmp_path):
    outputs = holdout_outputs(coco(images=4), np.array([0, 0, 1, 0]), tmp_path, {"source": "train.json"}, {"seed": 0})
    write_outputs(outputs, tmp_path / "train.json", overwrite=False)
    assert sorted(contents(tmp_path)) == ["holdout_report.json", "holdout_train.json", "holdout_val.json"]
    val = read_annotations(tmp_path / "holdout_val.json")
    assert [image["file_name"] for image in val["images"]] == ["train/0002.jpg"]
    assert val["info"]["sortline"] == {"source": "train.json", "part": "val"}
