import hashlib
import json
import random
import re
from pathlib import Path

import pytest
from helpers import coco
from PIL import Image

from sortline.data.dataset_edits import Edits
from sortline.data.formats import FORMAT_NAMES
from sortline.data.formats.base import own_area
from sortline.data.formats.conversion import ConvertRequest, convert, count_losses, hash_files, recognise
from sortline.errors import InputError


@pytest.fixture
def source(tmp_path):
    """Write a dataset of one annotation file with its photos, in a folder of the given name."""

    def make(name="data", split="train", **keys):
        root = tmp_path / name
        content = {**coco(split, images=3), **keys}
        for image in content["images"]:
            path = root / image["file_name"]
            path.parent.mkdir(parents=True, exist_ok=True)
            Image.new("L", (64, 48)).save(path)
        (root / f"{split}.json").write_text(json.dumps(content))
        return root / f"{split}.json"

    return make


def read(path):
    return json.loads(Path(path).read_text())


def test_a_folder_of_two_formats_needs_a_word(source):
    path = source()
    (path.parent / "data.yaml").write_text("names: [a]\ntrain: train")
    with pytest.raises(InputError, match=r"could be any of coco, yolo\n    say which with --from"):
        recognise(path.parent)
    assert recognise(path).name == "coco"


def test_a_hash_is_that_of_sha256sum(tmp_path):
    contents = {"a.txt": b"1", "b c/d.txt": b"2"}
    for name, content in contents.items():
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_bytes(content)
    lines = "".join(f"{hashlib.sha256(content).hexdigest()}  {name}\n" for name, content in contents.items())
    paths = [tmp_path / name for name in contents]
    assert hash_files(paths) == hash_files(paths[::-1]) == hashlib.sha256(lines.encode()).hexdigest()
    assert hash_files(paths[:1]) == hashlib.sha256(b"1").hexdigest()


def test_photos_in_different_folders_get_names_from_the_folder_above(source, tmp_path):
    first, second = source("one"), source("two")
    report = convert(ConvertRequest(first, "coco", tmp_path / "both.json", merge=(second,)))
    names = [image["file_name"] for image in read(tmp_path / "both.json")["images"]]
    assert names[0] == "one/train/0000.jpg"
    assert names[3] == "two/train/0000.jpg"
    assert all((tmp_path / name).is_file() for name in names)
    assert f"file_name now starts from {tmp_path}" in report.notes[0]


def test_a_merge_keeps_what_each_file_says_of_itself(source, tmp_path):
    first = source(info={"contributor": "A"})
    second = source(split="more", info={"contributor": "B"})
    convert(ConvertRequest(first, "coco", tmp_path / "both.json", merge=(second,)))
    info = read(tmp_path / "both.json")["info"]
    assert list(info) == ["sortline"]
    assert [entry["info"]["contributor"] for entry in info["sortline"]["sources"]] == ["A", "B"]


def test_provenance_names_the_step_before(source, tmp_path):
    path = source(info={"contributor": "A"})
    convert(ConvertRequest(path, "coco", tmp_path / "a.json", edits=Edits(max_images=2)))
    convert(ConvertRequest(tmp_path / "a.json", "coco", tmp_path / "b.json", renumber=True))
    info = read(tmp_path / "b.json")["info"]
    assert info["contributor"] == "A"
    made = info["sortline"]
    assert made["sources"] == [
        {"file": str(tmp_path / "a.json"), "sha256": hashlib.sha256((tmp_path / "a.json").read_bytes()).hexdigest()}
    ]
    assert made["edits"] == ["renumber"]
    assert made["before"]["edits"] == ["max-images: 2, seed 0"]
    assert made["before"]["sources"][0]["file"] == str(path)


def test_renumbered_ids_keep_the_old_ones(source, tmp_path):
    convert(ConvertRequest(source(), "coco", tmp_path / "a.json", renumber=True, edits=Edits(match=("*/0002.jpg",))))
    content = read(tmp_path / "a.json")
    assert [(image["id"], image["source_id"]) for image in content["images"]] == [(0, 2)]
    assert content["annotations"][0]["image_id"] == 0


def test_where_photos_are_is_said_or_that_they_are_not_found(source, tmp_path):
    path = source()
    report = convert(ConvertRequest(path, "csv", tmp_path / "a.csv"))
    assert f"photos stay where they are: file_name starts from {path.parent}" in report.notes
    report = convert(ConvertRequest(tmp_path / "a.csv", "coco", tmp_path / "b.json"))
    assert f"no photos in {tmp_path}: file_name starts from wherever they are" in report.notes
    report = convert(ConvertRequest(tmp_path / "a.csv", "yolo", tmp_path / "yolo", image_root=path.parent))
    assert (tmp_path / "yolo" / "images" / "train" / "0000.jpg").is_file()


def test_splits_of_other_classes_can_t_share_a_list(source):
    path = source()
    test = coco("test", images=1)
    test["categories"].reverse()
    (path.parent / "test.json").write_text(json.dumps(test))
    with pytest.raises(InputError, match="splits with different classes"):
        convert(ConvertRequest(path.parent, "csv", path.parent / "csv"))


@pytest.mark.parametrize("target", [name for name in FORMAT_NAMES if name not in ("coco", "roboflow")])
def test_names_that_a_text_file_can_t_hold_are_refused(source, tmp_path, target):
    content = coco(images=1)
    content["images"][0]["file_name"] = "a\nb.jpg"
    content["categories"][0]["name"] = "tab\t"
    path = source(**content)
    with pytest.raises(InputError) as error:
        convert(ConvertRequest(path, target, tmp_path / "out"))
    assert "a file_name with control characters: 'a\\nb.jpg'" in str(error.value)
    assert "a class name with control characters: 'tab\\t'" in str(error.value)


def test_values_that_json_can_t_hold_are_refused(source, tmp_path):
    path = source(extra=float("nan"))
    with pytest.raises(InputError, match="holds a value that json can't"):
        convert(ConvertRequest(path, "coco", tmp_path / "a.json"))


JUNK = ("", "-1", "1e999", "nan", "x", "[]", "null", "99999", '"', "<", "&x;", "\0", "../..", "/abs", "\n", "1" * 300)


def mutate(text, generator):
    """Cut a text short, or put junk in place of a word, or leave out or repeat a line."""
    kind = generator.randrange(3)
    if kind == 0:
        return text[: generator.randrange(len(text) + 1)]
    if kind == 1:
        words = list(re.finditer(r"-?\d+(\.\d+)?|\w+", text))
        if words:
            word = generator.choice(words)
            return text[: word.start()] + generator.choice(JUNK) + text[word.end() :]
    lines = text.split("\n")
    row = generator.randrange(len(lines))
    lines[row : row + 1] = generator.choice([[], [lines[row]] * 2])
    return "\n".join(lines)


@pytest.mark.parametrize("name", FORMAT_NAMES)
def test_damaged_files_are_refused_or_give_sound_coco(source, tmp_path, name):
    convert(ConvertRequest(source(), name, tmp_path / "sound", images="copy"))
    files = sorted(path for path in (tmp_path / "sound").rglob("*") if path.suffix != ".jpg" and path.is_file())
    generator = random.Random(0)
    refused = 0
    for number in range(60):
        path = generator.choice(files)
        text = path.read_text()
        path.write_text(mutate(text, generator))
        out = tmp_path / f"{number}.json"
        try:
            convert(ConvertRequest(tmp_path / "sound", "coco", out, source_format=name))
        except InputError:
            refused += 1
            assert not out.exists()
        else:
            convert(ConvertRequest(out, "coco", tmp_path / f"{number}_again.json"))
        path.write_text(text)
    assert 5 < refused < 60


def test_a_plain_dataset_loses_nothing():
    assert count_losses([coco()], ()) == []


def test_what_is_more_than_boxes_is_counted():
    content = {**coco(images=3), "info": {"year": 2021}, "licenses": [{"id": 0}]}
    content["images"][0]["license"] = 0
    content["images"][1] |= {"license": None, "flickr_url": None}
    content["categories"][0]["supercategory"] = "waste"
    content["categories"][1]["supercategory"] = "Paper"
    content["annotations"][0] |= {"segmentation": [[1, 2, 3, 4, 5, 6]], "area": 9, "iscrowd": 1}
    content["annotations"][1] |= {"segmentation": [], "difficult": 1}
    assert count_losses([content], {"difficult"}) == [
        "info",
        "licenses",
        "license of 1 image",
        "supercategory of 1 category",
        "area of 1 box",
        "iscrowd of 1 box",
        "segmentation of 1 box",
    ]


def test_where_a_file_is_from_is_no_loss():
    assert count_losses([{**coco(), "info": {"sortline": {"made_by": "convert"}}}], ()) == []


def test_an_area_counts_when_it_is_not_the_boxs():
    assert own_area({"bbox": [0, 0, 57.6, 180.6], "area": 57.6 * 180.6}) is None
    assert own_area({"bbox": [0, 0, 10, 10], "area": 99.995}) is None
    assert own_area({"bbox": [0, 0, 10, 10], "area": 80}) == 80
    assert own_area({"bbox": [0, 0, 10, 10]}) is None
