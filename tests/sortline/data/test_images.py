import pytest
from helpers import coco

from sortline.data.images import describe_images, find_images
from sortline.errors import InputError


def test_a_folder_is_listed_by_name_and_described(make_dataset):
    data = make_dataset()
    paths = find_images(data / "train")
    content = describe_images(paths, data, ("cup", "can"))
    assert [image["file_name"] for image in content["images"]] == [f"train/000{index}.jpg" for index in range(6)]
    assert {(image["width"], image["height"]) for image in content["images"]} == {(64, 48)}
    assert content["categories"] == [{"id": 0, "name": "cup"}, {"id": 1, "name": "can"}]
    assert len({image["id"] for image in content["images"]}) == len(coco()["images"])


def test_one_photo(make_dataset):
    photo = make_dataset() / "train/0003.jpg"
    assert find_images(photo) == [photo]


def test_nothing_to_predict_is_refused(tmp_path):
    with pytest.raises(InputError, match="holds no photos"):
        find_images(tmp_path)
    with pytest.raises(InputError, match="no such photo or folder"):
        find_images(tmp_path / "absent")


def test_all_unreadable_files_are_named(tmp_path):
    for name in ("a.jpg", "b.png"):
        (tmp_path / name).write_text("text")
    with pytest.raises(InputError) as caught:
        describe_images(find_images(tmp_path), tmp_path, ("cup",))
    assert [problem.where.rpartition("/")[2] for problem in caught.value.problems] == ["a.jpg", "b.png"]
