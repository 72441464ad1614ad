"""From files to a folder: what is refused, and what the numbers are."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from helpers import coco

from sortline.data.describe.dataset_page import class_rows, images_with_both, overview
from sortline.data.describe.description import describe_dataset, sheet_name
from sortline.errors import InputError
from sortline.files import write_json

BOX = (10.0, 20.0, 40.0, 10.0)


@pytest.fixture
def ann(tmp_path: Path) -> Path:
    write_json(tmp_path / "train.json", coco())
    return tmp_path / "train.json"


def test_all_wrong_arguments_are_named_together(ann: Path, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(InputError) as caught:
        describe_dataset(ann, tmp_path / "file", image_root=tmp_path / "nowhere", samples=-1)
    assert [problem.what for problem in caught.value.problems] == ["is a file", "no such folder", "is negative"]


def test_a_folder_without_the_photos_is_refused_when_asked_for(ann: Path, tmp_path: Path) -> None:
    (tmp_path / "empty").mkdir()
    with pytest.raises(
        InputError, match=r"holds none of the photos that .*train\.json lists, such as 'train/0000\.jpg'"
    ):
        describe_dataset(ann, tmp_path / "out", image_root=tmp_path / "empty")
    assert not (tmp_path / "out").exists()


def test_the_annotation_file_is_never_overwritten(tmp_path: Path) -> None:
    write_json(tmp_path / "statistics.json", coco())
    with pytest.raises(InputError, match="would replace"):
        describe_dataset(tmp_path / "statistics.json", tmp_path)
    assert json.loads((tmp_path / "statistics.json").read_text()) == coco()


def test_the_same_input_gives_the_same_files(tmp_path: Path) -> None:
    write_json(tmp_path / "test.json", coco(boxes=False))
    for name in ("a", "b"):
        describe_dataset(tmp_path / "test.json", tmp_path / name)
    for path in (tmp_path / "a").iterdir():
        assert path.read_bytes() == (tmp_path / "b" / path.name).read_bytes(), path.name


@pytest.mark.parametrize(
    ("content", "message"),
    [('{"images": [', "is cut short"), ('{"images": [], "categories": []}', "'images' is an empty list")],
)
def test_a_bad_file_is_refused_and_nothing_written(tmp_path: Path, content: str, message: str) -> None:
    (tmp_path / "train.json").write_text(content)
    with pytest.raises(InputError, match=message):
        describe_dataset(tmp_path / "train.json", tmp_path / "out")
    assert not (tmp_path / "out").exists()


def test_an_absent_test_file_is_refused(ann: Path, tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"no\.json: no such file"):
        describe_dataset(ann, tmp_path / "out", test=tmp_path / "no.json")
    assert not (tmp_path / "out").exists()


def test_headline_numbers(make_table) -> None:
    found = overview(make_table((0, 0, BOX), (0, 1, BOX), (1, 1, BOX), (0, 1, BOX)))
    assert found["boxes_an_image_mean"] == round(4 / 3, 2)
    assert (found["boxes_an_image_median"], found["boxes_an_image_max"]) == (1, 3)
    assert (found["images"], found["boxes"], found["classes"], found["images_without_boxes"]) == (3, 4, 3, 1)


def test_rows_of_classes_and_pairs(make_table) -> None:
    table = make_table((0, 0, BOX), (0, 1, BOX), (1, 1, BOX))
    first, second, third = class_rows(table)
    assert (first["name"], first["boxes"], first["images"], first["small"]) == ("class 1", 2, 2, 2)
    assert second["side_px"]["p50"] == (40 * 10) ** 0.5
    assert second["aspect"]["p95"] == 40 / 10
    assert third["side_px"] is None
    assert images_with_both(table) == [{"classes": ["class 0", "class 1"], "images": 1}]


@pytest.mark.parametrize(
    ("title", "name"), [("Paper pack", "samples_03_paper-pack.jpg"), ("../유리/", "samples_03_class.jpg")]
)
def test_sheets_have_names_for_every_file_system(title: str, name: str) -> None:
    assert sheet_name(3, title) == name
