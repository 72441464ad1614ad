"""Runs compare only on the same photos with the same boxes, whatever their ids and their files' names."""

import copy

import pytest
from written_runs import dataset, write_fold_runs, write_run

from sortline.errors import InputError
from sortline.predictions.ranking import map50_of
from sortline.runs.comparison.candidates import read_candidates
from sortline.runs.comparison.same_images import on_the_same_images


@pytest.fixture
def pair(tmp_path):
    """Write two runs, the second validated on another file; both find the boxes of the first six images."""

    def make(change):
        content = dataset(12)
        other = copy.deepcopy(content)
        change(other)
        write_run(tmp_path / "a", content, tmp_path / "a/val.json", range(6))
        write_run(tmp_path / "b", other, tmp_path / "b/val.json", [image["id"] for image in other["images"][:6]])
        return read_candidates([str(tmp_path / "a"), str(tmp_path / "b")])

    return make


def renumber(content):
    for image in content["images"]:
        image["id"] += 100
    for category in content["categories"]:
        category["id"] += 7
    for box in content["annotations"]:
        box["image_id"], box["category_id"] = box["image_id"] + 100, box["category_id"] + 7
    content["annotations"].reverse()


def test_ids_and_order_do_not_matter(pair):
    first, second = on_the_same_images(pair(renumber))
    assert second.parts[0].annotations is first.parts[0].annotations
    assert map50_of(second.parts[0].matches) == map50_of(first.parts[0].matches) == 6 / 12


def lose_a_photo(content):
    content["images"].pop()
    content["annotations"].pop()


def add_a_photo(content):
    content["images"].append({**content["images"][0], "id": 99, "file_name": "train/new.jpg"})


def move_a_box(content):
    content["annotations"][3]["bbox"] = [0.0, 0.0, 9.0, 9.0]


def rename_a_class(content):
    content["categories"][4]["name"] = "Window"


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lose_a_photo, "1 photos only in {tmp}/a/val.json, such as train/0011.jpg"),
        (add_a_photo, "1 photos only in {tmp}/b/val.json, such as train/new.jpg"),
        (move_a_box, "the same photos with other boxes on 1 of them: train/0003.jpg"),
        (rename_a_class, "other classes: Glass, Window"),
    ],
)
def test_other_photos_classes_and_boxes_are_refused(pair, tmp_path, change, message):
    with pytest.raises(InputError) as refusal:
        on_the_same_images(pair(change))
    text = str(refusal.value)
    assert f"{tmp_path}/b: was validated on other data than a: {message.format(tmp=tmp_path)}" in text
    assert "don't compare" in text


def test_runs_of_other_folds_are_refused_with_those_that_they_share(tmp_path):
    first = write_fold_runs(tmp_path / "a", dataset(), range(20))
    second = write_fold_runs(tmp_path / "b", dataset(), range(20))
    (second / "fold_1").rename(tmp_path / "lost")
    with pytest.raises(InputError, match=r"has folds 0, 2, a has folds 0, 1, 2\n.*--folds 0 2"):
        on_the_same_images(read_candidates([str(first), str(second)]))
    single = write_run(tmp_path / "c", dataset(6), tmp_path / "c/val.json", range(3))
    with pytest.raises(InputError, match=r"has no folds, a has folds 0, 1, 2\n.*--ann TRAIN.json"):
        on_the_same_images(read_candidates([str(first), str(single)]))


def test_another_fold_is_other_photos(tmp_path):
    folder = write_fold_runs(tmp_path / "a", dataset(), range(20))
    with pytest.raises(InputError, match="10 photos only in"):
        on_the_same_images(read_candidates([str(folder / "fold_0"), str(folder / "fold_1")]))
