"""From COCO to a format and back: names, classes, sizes and boxes return."""

import tempfile
from pathlib import Path

import pytest
from helpers import coco
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from PIL import Image

from sortline.data.annotations import read_annotations
from sortline.data.formats import FORMAT_NAMES, get_format
from sortline.data.formats.base import ReadOptions, Split, WriteOptions
from sortline.data.formats.conversion import recognise
from sortline.data.formats.output import check_plan, write_plan

WORDS = st.text(st.sampled_from("abzAZ09 _-.,;'\"&<>()é中ñ🙂"), min_size=1, max_size=6)
STEMS = WORDS.filter(lambda word: word.strip(" .") and not word.startswith("."))


@st.composite
def datasets(draw, decimals=None):
    """Draw COCO content; corners are floats of any precision, or of so many decimals."""
    names = draw(st.lists(st.tuples(st.lists(STEMS, max_size=2), STEMS), min_size=1, max_size=4, unique_by=_place))
    images = [
        {
            "id": index,
            "file_name": "/".join([*folders, f"{stem}.png"]),
            "width": draw(st.integers(1, 300)),
            "height": draw(st.integers(1, 300)),
        }
        for index, (folders, stem) in enumerate(names)
    ]
    classes = draw(st.lists(WORDS.filter(str.strip), min_size=1, max_size=3, unique=True))
    boxes = []
    for image in images:
        for _ in range(draw(st.integers(0, 3))):
            bbox = draw(boxes_xywh(image["width"], image["height"], decimals))
            boxes.append({"image_id": image["id"], "category_id": draw(st.integers(0, len(classes) - 1)), "bbox": bbox})
    return {
        "images": images,
        "categories": [{"id": index, "name": name} for index, name in enumerate(classes)],
        "annotations": [
            {"id": index, "area": box["bbox"][2] * box["bbox"][3], "iscrowd": 0, **box}
            for index, box in enumerate(boxes)
        ],
    }


def _place(name):
    return (*name[0], name[1])


@st.composite
def boxes_xywh(draw, width, height, decimals):
    sides = []
    for whole in (width, height):
        start = draw(st.floats(0, whole * 0.9))
        sides.append((start, draw(st.floats(whole * 0.01, (whole - start) * 0.99))))
    (left, box_width), (top, box_height) = sides
    bbox = [left, top, box_width, box_height]
    return bbox if decimals is None else [round(value, decimals) for value in bbox]


def there_and_back(content, name, folder, **write_options):
    """Write photos and annotations in a format and read them again."""
    for image in content["images"]:
        path = folder / "photos" / image["file_name"]
        path.parent.mkdir(parents=True, exist_ok=True)
        Image.new("1", (image["width"], image["height"])).save(path)
    split = Split("train", content, folder / "photos", (folder / "train.json",))
    plan = get_format(name).plan([split], folder / "out", WriteOptions(**write_options))
    check_plan(plan, "link", [], overwrite=False)
    write_plan(plan, "link")
    assert recognise(folder / "out").name == name
    (back,) = get_format(name).read(folder / "out", ReadOptions())
    return back


def essence(content):
    """Reduce content to what must return; boxes by image and in their order."""
    names = {image["id"]: image["file_name"] for image in content["images"]}
    classes = {category["id"]: category["name"] for category in content["categories"]}
    boxes = {name: [] for name in names.values()}
    for box in content["annotations"]:
        boxes[names[box["image_id"]]].append((classes[box["category_id"]], box["bbox"], box["iscrowd"]))
    sizes = {image["file_name"]: (image["width"], image["height"]) for image in content["images"]}
    return sizes, list(classes.values()), boxes


@pytest.mark.parametrize("name", [name for name in FORMAT_NAMES if name != "yolo"])
@settings(max_examples=20, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(content=datasets())
def test_every_float_returns(name, content):
    with tempfile.TemporaryDirectory() as folder:
        back = there_and_back(content, name, Path(folder))
    assert essence(back.annotations) == essence(content)


@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(content=datasets(decimals=6))
def test_yolo_returns_six_decimals(content):
    with tempfile.TemporaryDirectory() as folder:
        back = there_and_back(content, "yolo", Path(folder))
    assert essence(back.annotations) == essence(content)


@pytest.mark.parametrize("origin", [0, 1])
def test_voc_returns_from_both_origins_without_being_told(origin, tmp_path):
    content = coco()
    assert essence(there_and_back(content, "voc", tmp_path, voc_origin=origin).annotations) == essence(content)


@pytest.mark.parametrize("name", FORMAT_NAMES)
def test_what_is_read_is_sound_coco(name, tmp_path):
    back = there_and_back(coco(), name, tmp_path)
    plan = get_format("coco").plan([back], tmp_path / "again.json", WriteOptions())
    write_plan(plan, "none")
    assert essence(read_annotations(tmp_path / "again.json")) == essence(coco())


@pytest.mark.parametrize("name", FORMAT_NAMES)
def test_file_names_start_where_the_photos_are(name, tmp_path):
    back = there_and_back(coco(), name, tmp_path)
    for image in back.annotations["images"]:
        assert (back.image_root / image["file_name"]).is_file()


@pytest.mark.parametrize("name", FORMAT_NAMES)
def test_same_names_in_different_folders_stay_apart(name, tmp_path):
    content = coco(images=2)
    for image, folder in zip(content["images"], ("a", "images/b"), strict=True):
        image["file_name"] = f"{folder}/0001.jpg"
    assert essence(there_and_back(content, name, tmp_path).annotations) == essence(content)


@pytest.mark.parametrize("name", [name for name in FORMAT_NAMES if name != "yolo"])
def test_photos_that_differ_in_suffix_stay_apart(name, tmp_path):
    content = coco(images=2)
    for image, suffix in zip(content["images"], ("jpg", "png"), strict=True):
        image["file_name"] = f"train/0001.{suffix}"
    assert essence(there_and_back(content, name, tmp_path).annotations) == essence(content)


@pytest.mark.parametrize("name", ["voc", "csv"])
def test_crowds_and_areas_of_masks_return(name, tmp_path):
    content = coco()
    content["annotations"][1] |= {"iscrowd": 1, "area": 123.4}
    back = there_and_back(content, name, tmp_path).annotations
    assert back["annotations"] == content["annotations"]
