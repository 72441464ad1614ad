from pathlib import Path

import pytest
import yaml
from helpers import CLASSES, coco
from PIL import Image

from sortline.data.formats.base import ReadOptions, Split, WriteOptions
from sortline.data.formats.yolo import label_of, plan, read
from sortline.errors import InputError

YAML = "train: images/train\nval: images/val\nnc: 2\nnames: [cat, dog]\n"


@pytest.fixture
def dataset(tmp_path):
    """Write a data.yaml, label files and 200x100 photos; photos are named, labels have texts."""

    def make(text=YAML, photos=("images/train/a.jpg", "images/val/b.jpg"), labels=None):
        (tmp_path / "data.yaml").write_text(text)
        for name in photos:
            path = tmp_path / name
            path.parent.mkdir(parents=True, exist_ok=True)
            Image.new("L", (200, 100)).save(path)
        for name, rows in (labels if labels is not None else {"labels/train/a.txt": "1 0.5 0.5 0.2 0.4\n"}).items():
            path = tmp_path / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(rows)
        return tmp_path

    return make


def names_of(split):
    return [image["file_name"] for image in split.annotations["images"]]


def written(content, out, split="train", **options):
    part = Split(split, content, Path("photos"), (Path("train.json"),))
    return plan([part], out, WriteOptions(**options))


def test_both_splits_are_read_with_sizes_from_the_photos(dataset):
    train, val = read(dataset(), ReadOptions())
    assert (train.name, val.name) == ("train", "val")
    assert train.annotations["images"] == [{"id": 0, "file_name": "train/a.jpg", "width": 200, "height": 100}]
    assert train.annotations["annotations"][0]["bbox"] == [100 - 40 / 2, 50 - 40 / 2, 40, 40]
    assert [category["name"] for category in train.annotations["categories"]] == ["cat", "dog"]
    assert names_of(val) == ["val/b.jpg"]
    assert val.notes == ("val: 1 photo without label file, taken as photos without boxes",)


def test_one_split_is_read_on_request(dataset):
    (val,) = read(dataset(), ReadOptions(split="val"))
    assert val.name == "val"
    with pytest.raises(InputError, match="has no split 'test'"):
        read(dataset(), ReadOptions(split="test"))


@pytest.mark.parametrize(
    ("text", "photos"),
    [
        (YAML.replace("images/train", "[images/train]"), ("images/train/a.jpg", "images/val/b.jpg")),
        (f"path: .\n{YAML}", ("images/train/a.jpg", "images/val/b.jpg")),
        (f"path: ../datasets/absent\n{YAML}", ("images/train/a.jpg", "images/val/b.jpg")),
        (YAML.replace("[cat, dog]", "{1: dog, 0: cat}"), ("images/train/a.jpg", "images/val/b.jpg")),
        (YAML.replace("val:", "valid:"), ("images/train/a.jpg", "images/val/b.jpg")),
    ],
)
def test_other_ways_to_write_the_yaml(dataset, text, photos):
    train, val = read(dataset(text, photos), ReadOptions())
    assert names_of(train) + names_of(val) == ["train/a.jpg", "val/b.jpg"]
    assert len(train.annotations["annotations"]) == 1


def test_a_path_key_leads_to_the_dataset(dataset, tmp_path):
    root = dataset()
    (tmp_path / "configs").mkdir()
    moved = tmp_path / "configs" / "set.yaml"
    moved.write_text(f"path: ..\n{YAML}")
    (root / "data.yaml").unlink()
    train, _ = read(moved, ReadOptions())
    assert names_of(train) == ["train/a.jpg"]


def test_roboflows_yolo_export_is_read(dataset):
    text = YAML.replace("images/train", "../train/images").replace("images/val", "../valid/images")
    photos = ("train/images/a.jpg", "valid/images/b.jpg")
    train, val = read(dataset(text, photos, {"train/labels/a.txt": "0 0.5 0.5 0.2 0.4\n"}), ReadOptions())
    assert names_of(train) + names_of(val) == ["train/images/a.jpg", "valid/images/b.jpg"]
    assert len(train.annotations["annotations"]) == 1


def test_lists_of_photos_are_read(dataset, tmp_path):
    root = dataset(YAML.replace("images/train", "lists/train.txt"), ("images/a b.jpg", "images/val/b.jpg"), {})
    (root / "lists").mkdir()
    (root / "lists" / "train.txt").write_text(f"./../images/a b.jpg\r\nimages/val/b.jpg\n{tmp_path}/images/val/b.jpg\n")
    train, _ = read(root, ReadOptions())
    assert len(train.annotations["images"]) == 2


@pytest.mark.parametrize("name", ["no", "007", "1e3", "null", "a: b", "yes"])
def test_class_names_stay_texts(dataset, tmp_path, name):
    content = {**coco(boxes=False), "categories": [{"id": 0, "name": name}]}
    text = written(content, tmp_path).texts["data.yaml"]
    assert yaml.safe_load(text)["names"][0] == name
    root = dataset(text.replace("train.txt", "images/train"), labels={})
    assert read(root, ReadOptions())[0].annotations["categories"][0]["name"] == name


def test_plain_words_of_yaml_are_class_names(dataset):
    (train, _) = read(dataset(YAML.replace("cat", "no")), ReadOptions())
    assert train.annotations["categories"][0]["name"] == "no"


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("train: [", "data.yaml:1: is not yaml"),
        ("- train", "is not a mapping"),
        ("train: images/train\nname: [cat]", "no key 'names'\n    did you mean 'name'?"),
        (YAML.replace("nc: 2", "nc: 3"), "'nc' is '3', but 'names' has 2 classes"),
        (YAML.replace("dog", "cat"), "'names' repeats cat"),
        (YAML.replace("[cat, dog]", "{0: cat, 2: dog}"), "'names' has the indices 0, 2"),
        (YAML.replace("[cat, dog]", "cat"), "'names' is not a list of class names"),
        ("names: [cat]", "names no split"),
        ("names: [cat]\ntrain: {a: b}", "'train' is neither a path nor a list of paths"),
        (YAML.replace("images/val", "images/absent"), "a folder or list of photos that is absent: images/absent"),
    ],
)
def test_bad_yamls_are_refused(dataset, text, message):
    with pytest.raises(InputError) as error:
        read(dataset(text), ReadOptions())
    assert message in str(error.value)


def test_all_problems_of_labels_and_photos_come_together(dataset):
    root = dataset(
        YAML.replace("images/val", "val.txt"),
        ("images/train/a.jpg",),
        {
            "labels/train/a.txt": "7 0.5 0.5 0.1 0.1\n1 0.95 0.5 0.5 0.1\n",
            "labels/train/ghost.txt": "",
            "val.txt": "./images/val/b.jpg\n",
        },
    )
    (root / "images" / "train" / "broken.jpg").write_bytes(b"no photo")
    with pytest.raises(InputError) as error:
        read(root, ReadOptions())
    message = str(error.value)
    for expected in (
        "a.txt:1: a class index outside the names: 7",
        "a.txt:2: a box more than 1 px outside the image",
        "broken.jpg: a photo that can't be read",
        "val.txt:1: names a photo that is absent: ./images/val/b.jpg",
        "ghost.txt: a label file without a photo",
    ):
        assert expected in message


def test_an_empty_folder_is_refused(dataset, tmp_path):
    with pytest.raises(InputError, match=r"has no data.yaml"):
        read(tmp_path, ReadOptions())
    root = dataset(photos=("images/val/b.jpg",), labels={})
    (root / "images" / "train").mkdir()
    with pytest.raises(InputError, match="images/train: a folder without photos"):
        read(root, ReadOptions())


@pytest.mark.parametrize(
    ("photo", "label"),
    [
        ("images/train/a.jpg", "labels/train/a.txt"),
        ("train/images/a.b.jpg", "train/labels/a.b.txt"),
        ("images/images/a.jpg", "images/labels/a.txt"),
        ("train/a.jpg", "train/a.txt"),
    ],
)
def test_labels_lie_where_trainers_look(photo, label):
    assert label_of(Path("/images/set") / photo, Path("/images/set")) == Path("/images/set") / label


def test_the_layout(tmp_path):
    content = coco(images=2)
    del content["annotations"][1]
    made = written(content, tmp_path)
    assert list(made.texts) == ["labels/train/0000.txt", "labels/train/0001.txt", "train.txt", "data.yaml"]
    assert made.texts["labels/train/0001.txt"] == ""
    assert made.texts["train.txt"] == "./images/train/0000.jpg\n./images/train/0001.jpg\n"
    assert yaml.safe_load(made.texts["data.yaml"]) == {"train": "train.txt", "nc": 10, "names": list(CLASSES)}
    assert made.photos["images/train/0000.jpg"] == Path("photos/train/0000.jpg")
    assert "data.yaml has no val yet" in made.notes[0]


def test_a_second_split_joins_the_yaml_and_keeps_its_other_keys(tmp_path):
    text = f"train: train.txt\nnc: 10\nkpt_shape: [17, 3]\nnames: {list(CLASSES)}\n"
    (tmp_path / "data.yaml").write_text(text)
    made = written(coco(), tmp_path, split="val")
    joined = {"train": "train.txt", "val": "val.txt", "nc": 10, "names": list(CLASSES), "kpt_shape": [17, 3]}
    assert yaml.safe_load(made.texts["data.yaml"]) == joined
    assert made.notes == []


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("train: train.txt\nnames: [cat]\n", "has other classes: cat; these are General trash"),
        (f"val: val.txt\nnames: {list(CLASSES)}\n", "has the split val already"),
        (f"path: /\nnames: {list(CLASSES)}\n", "starts its splits from '/', not from its own folder"),
    ],
)
def test_a_yaml_that_does_not_agree_is_refused(tmp_path, text, message):
    (tmp_path / "data.yaml").write_text(text)
    with pytest.raises(InputError) as error:
        written(coco(), tmp_path, split="val")
    assert message in str(error.value)


def test_photos_that_differ_in_suffix_only_are_refused(tmp_path):
    content = coco(images=2)
    content["images"][1]["file_name"] = "train/0000.png"
    with pytest.raises(InputError, match=r"would share a label file: train/0000.jpg and train/0000.png"):
        written(content, tmp_path)
