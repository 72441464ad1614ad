"""Photos are found under the name that is listed, or named with the form in which they are there."""

import unicodedata

import pytest
from helpers import coco

from sortline.data.photo_files import absent_photos, describe_photos, files_below, find_photos, pair_photos
from sortline.errors import InputError


def make(root, *names):
    for name in names:
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).write_bytes(b"")


HANGUL = "\ubd84\ub9ac/\uc885\uc774.jpg"


@pytest.mark.parametrize(
    ("listed", "there"),
    [
        (HANGUL, unicodedata.normalize("NFD", HANGUL)),
        (unicodedata.normalize("NFD", HANGUL), HANGUL),
        ("train/a.jpg", "train/A.JPG"),
        ("train/one%20can.jpg", "train/one can.jpg"),
        ("train\\a.jpg", "train/a.jpg"),
        (r"C:\Users\me\upload\train\a.jpg", "train/a.jpg"),
        ("/home/me/train/a.jpg", "train/a.jpg"),
    ],
)
def test_a_photo_under_another_form_of_its_name_is_found(tmp_path, listed, there):
    make(tmp_path, there, "train/other.jpg")
    pairing = pair_photos(tmp_path, [listed, "train/other.jpg"])
    assert pairing.absent == [listed]
    assert pairing.twins == {listed: there}
    assert f"{listed!r} is there as {there!r}" in pairing.remedy


@pytest.mark.parametrize(
    ("listed", "there"),
    [
        (["a.jpg"], ["A.jpg", "a.JPG"]),  # two would do
        (["a.jpg", "A.jpg"], ["A.jpg"]),  # listed itself
        (["a%20b.jpg", "A b.jpg"], ["a b.jpg"]),  # one for two
        (["train/a.jpg"], ["a.jpg"]),  # another folder is another photo
    ],
)
def test_a_twin_that_is_not_certain_is_none(tmp_path, listed, there):
    make(tmp_path, *there)
    assert pair_photos(tmp_path, listed).twins == {}


def test_absent_photos_are_told_with_the_part_of_the_path_that_is_missing(tmp_path):
    make(tmp_path, "a.jpg")
    pairing = pair_photos(tmp_path, ["a.jpg", "b/c.jpg"])
    assert pairing.absent == ["b/c.jpg"]
    assert "'b' in it does not" in pairing.remedy
    assert pair_photos(tmp_path, ["a.jpg"]).remedy == ""
    assert absent_photos(tmp_path, ["absent", "nul\0"]) == ["absent", "nul\0"]


def test_hidden_files_are_no_photos(tmp_path):
    make(tmp_path, "a.jpg", "._a.jpg", ".ipynb_checkpoints/a-checkpoint.jpg", "b/c.PNG", "b/d.txt")
    assert [path.name for path in find_photos(tmp_path)] == ["a.jpg", "c.PNG"]
    assert [path.name for path in files_below(tmp_path, (".txt",))] == ["d.txt"]


def test_a_folder_is_listed_by_name_and_described(make_dataset):
    data = make_dataset()
    paths = find_photos(data / "train")
    content = describe_photos(paths, data, ("cup", "can"))
    assert [image["file_name"] for image in content["images"]] == [f"train/000{index}.jpg" for index in range(6)]
    assert {(image["width"], image["height"]) for image in content["images"]} == {(64, 48)}
    assert content["categories"] == [{"id": 0, "name": "cup"}, {"id": 1, "name": "can"}]
    assert len({image["id"] for image in content["images"]}) == len(coco()["images"])


def test_one_photo(make_dataset):
    photo = make_dataset() / "train/0003.jpg"
    assert find_photos(photo) == [photo]


def test_nothing_to_predict_is_refused(tmp_path):
    with pytest.raises(InputError, match="holds no photos"):
        find_photos(tmp_path)
    with pytest.raises(InputError, match="no such photo or folder"):
        find_photos(tmp_path / "absent")


def test_all_unreadable_files_are_named(tmp_path):
    for name in ("a.jpg", "b.png"):
        (tmp_path / name).write_text("text")
    with pytest.raises(InputError) as caught:
        describe_photos(find_photos(tmp_path), tmp_path, ("cup",))
    assert [problem.where.rpartition("/")[2] for problem in caught.value.problems] == ["a.jpg", "b.png"]
