"""The embedded dataset: its files, its proportions, and that the same arguments give the same bytes."""

from __future__ import annotations

import hashlib
import json
from collections import Counter
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from helpers import CLASSES as CONTEST_CLASSES
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

from sortline.data.annotations import read_annotations
from sortline.data.check.photo_checks import check_images
from sortline.data.demo.demo_data import (
    CLASS_COUNTS,
    CLASSES,
    LEAST_OBJECTS,
    MOST_OBJECTS_A_PHOTO,
    DemoPlan,
    class_quotas,
    make_demo_data,
    share_out,
)
from sortline.errors import InputError
from sortline.files import read_json, write_json

SMALL = DemoPlan(train=10, test=6, size=128)


@pytest.fixture(scope="module")
def small(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("demo") / "data"
    make_demo_data(folder, SMALL)
    return folder


def digest(folder: Path) -> dict[str, str]:
    """Hash every file below a folder."""
    files = sorted(path for path in folder.rglob("*") if path.is_file())
    return {str(path.relative_to(folder)): hashlib.sha256(path.read_bytes()).hexdigest() for path in files}


def test_the_files_are_the_contests(small: Path) -> None:
    names = sorted(path.name for path in small.iterdir())
    assert names == ["test", "test.json", "test_answers.json", "train", "train.json"]
    for split, count in (("train", SMALL.train), ("test", SMALL.test)):
        content = read_json(small / f"{split}.json")
        assert [image["id"] for image in content["images"]] == list(range(count))
        assert [image["file_name"] for image in content["images"]] == [f"{split}/{i:04d}.jpg" for i in range(count)]
        assert tuple(category["name"] for category in content["categories"]) == CONTEST_CLASSES
        assert [category["id"] for category in content["categories"]] == list(range(10))
        for image in content["images"]:
            with Image.open(small / image["file_name"]) as photo:
                assert (photo.format, photo.mode) == ("JPEG", "RGB")
                assert photo.size == (image["width"], image["height"]) == (SMALL.size, SMALL.size)


@pytest.mark.parametrize("name", ["train.json", "test.json", "test_answers.json"])
def test_the_files_pass_the_check_that_a_users_files_get(small: Path, name: str) -> None:
    assert check_images(read_annotations(small / name), small, name) == []


def test_the_answers_are_the_test_file_with_annotations(small: Path) -> None:
    test, answers = read_json(small / "test.json"), read_json(small / "test_answers.json")
    assert test.pop("annotations") == []
    assert len(answers.pop("annotations")) >= len(CLASSES)
    assert test == answers


@pytest.mark.parametrize("name", ["train.json", "test_answers.json"])
def test_every_class_appears_and_every_box_is_its_visible_extent(small: Path, name: str) -> None:
    content = read_json(small / name)
    annotations = content["annotations"]
    assert {item["category_id"] for item in annotations} == set(range(10))
    assert [item["id"] for item in annotations] == list(range(len(annotations)))
    for item in annotations:
        x, y, width, height = item["bbox"]
        assert all(isinstance(value, float) for value in item["bbox"])
        assert 0 <= x < x + width <= SMALL.size
        assert 0 <= y < y + height <= SMALL.size
        assert item["area"] == width * height
        assert item["iscrowd"] == 0


def test_no_test_photo_is_among_the_train_photos(small: Path) -> None:
    hashes = digest(small)
    photos = [value for name, value in hashes.items() if name.endswith(".jpg")]
    assert len(set(photos)) == len(photos) == SMALL.train + SMALL.test


@pytest.mark.parametrize("workers", [1, 2])
def test_the_same_arguments_give_the_same_bytes_for_any_number_of_processes(
    small: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, workers: int
) -> None:
    monkeypatch.setattr("sortline.data.demo.demo_data.PHOTOS_WORTH_A_POOL", 1)
    make_demo_data(tmp_path / "again", SMALL, workers=workers)
    assert digest(tmp_path / "again") == digest(small)


def test_another_seed_gives_other_photos(small: Path, tmp_path: Path) -> None:
    make_demo_data(tmp_path / "other", DemoPlan(SMALL.train, SMALL.test, SMALL.size, seed=1))
    assert not set(digest(small).values()) & set(digest(tmp_path / "other").values())


def test_a_folder_made_before_is_left_alone(small: Path) -> None:
    before = {path: path.stat().st_mtime_ns for path in small.rglob("*")}
    assert make_demo_data(small, SMALL) is False
    assert {path: path.stat().st_mtime_ns for path in small.rglob("*")} == before


def test_an_incomplete_folder_and_one_made_with_other_arguments_are_replaced(tmp_path: Path) -> None:
    folder, plan = tmp_path / "data", DemoPlan(train=4, test=4, size=96)
    make_demo_data(folder, DemoPlan(train=5, test=4, size=96))
    assert make_demo_data(folder, plan) is True
    assert len(list((folder / "train").iterdir())) == plan.train
    whole = digest(folder)
    (folder / "train" / "0002.jpg").unlink()
    assert make_demo_data(folder, plan) is True
    assert digest(folder) == whole
    assert [path.name for path in tmp_path.iterdir()] == ["data"]


def test_a_folder_with_other_files_is_refused_and_kept(tmp_path: Path) -> None:
    folder = tmp_path / "data"
    write_json(folder / "train.json", {"images": []})
    (folder / "notes.txt").write_text("mine")
    with pytest.raises(InputError, match=r"not demo data: notes\.txt, train\.json"):
        make_demo_data(folder, SMALL)
    assert (folder / "notes.txt").read_text() == "mine"


def test_files_put_into_a_demo_folder_are_not_deleted(small: Path, tmp_path: Path) -> None:
    folder, plan = tmp_path / "data", DemoPlan(train=4, test=4, size=96)
    make_demo_data(folder, plan)
    (folder / "folds").mkdir()
    (folder / "train" / "mine.jpg").write_bytes(b"photo")
    assert make_demo_data(folder, plan) is False
    with pytest.raises(InputError, match=r"folds, train/mine\.jpg"):
        make_demo_data(folder, DemoPlan(train=5, test=4, size=96))
    assert (folder / "folds").is_dir()
    assert (folder / "train" / "mine.jpg").is_file()


def test_a_failure_while_drawing_leaves_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(*_: Any) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("sortline.data.demo.demo_data.draw_photo", fail)
    with pytest.raises(OSError, match="No space left"):
        make_demo_data(tmp_path / "data", SMALL)
    assert list(tmp_path.iterdir()) == []


def test_all_values_out_of_range_are_named_together(tmp_path: Path) -> None:
    with pytest.raises(InputError) as caught:
        make_demo_data(tmp_path / "data", DemoPlan(train=0, test=0, size=8, seed=-1))
    assert [problem.where for problem in caught.value.problems] == ["--train", "--test", "--size", "--seed"]
    assert list(tmp_path.iterdir()) == []


@given(st.integers(0, 30_000))
def test_quotas_use_every_object_and_forget_no_class(total: int) -> None:
    quotas = class_quotas(total)
    assert quotas.sum() == total
    assert quotas.min() >= min(LEAST_OBJECTS, total // len(CLASSES))


def test_large_sets_have_the_contests_proportions() -> None:
    total = sum(CLASS_COUNTS.values())
    assert class_quotas(total).tolist() == list(CLASS_COUNTS.values())


@given(st.integers(0, 2**32 - 1), st.integers(1, 60))
@settings(max_examples=30)
def test_photos_show_one_to_twelve_objects_of_every_class(seed: int, photos: int) -> None:
    labels = share_out(np.random.default_rng(seed), photos)
    assert len(labels) == photos
    assert all(1 <= len(names) <= MOST_OBJECTS_A_PHOTO for names in labels)
    assert set(Counter(name for names in labels for name in names)) == set(CLASSES)


def test_the_info_entry_is_plain_json(small: Path) -> None:
    info = json.loads((small / "train.json").read_text())["info"]
    assert info["plan"] == {"train": 10, "test": 6, "size": 128, "seed": 0}
