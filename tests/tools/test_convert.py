import json
import os
from itertools import product

import pytest
from helpers import CLASSES, ROOT, coco, refusal

from sortline.data.formats import FORMAT_NAMES

FULL = ROOT.parent / "shared" / "data" / "recycle-contest" / "train.json"


def essence(path):
    """Read a COCO json as class and box by file name, whatever folder the names start from."""
    content = json.loads(path.read_text())
    names = {image["id"]: image["file_name"].split("/")[-1] for image in content["images"]}
    classes = {category["id"]: category["name"] for category in content["categories"]}
    boxes = {name: [] for name in names.values()}
    for box in content["annotations"]:
        boxes[names[box["image_id"]]].append((classes[box["category_id"]], box["bbox"]))
    return list(classes.values()), boxes


@pytest.fixture
def convert(run_tool):
    def run(*args):
        result = run_tool("convert", *args)
        assert result.returncode == 0, result.stderr
        return result.stdout

    return run


def snapshot(folder):
    return {path: path.read_bytes() for path in folder.rglob("*") if path.is_file()}


def test_there_and_back_through_the_command_line(convert, make_dataset, tmp_path):
    data = make_dataset()
    before = snapshot(data)
    out = convert(data / "train.json", "--to", "yolo", "--out", tmp_path / "yolo")
    assert "train: 6 images, 6 boxes, 10 classes" in out
    assert f"wrote {tmp_path / 'yolo'}" in out
    convert(tmp_path / "yolo", "--to", "coco", "--out", tmp_path / "back.json")
    assert essence(tmp_path / "back.json") == essence(data / "train.json")
    assert snapshot(data) == before


@pytest.mark.parametrize("pair", list(product(FORMAT_NAMES, FORMAT_NAMES)), ids="-".join)
def test_each_format_to_each(pair, make_dataset, tmp_path):
    import convert

    first, second = pair
    data = make_dataset()
    convert.main([str(data), "--from", "coco", "--to", first, "--out", str(tmp_path / "a"), "--images", "copy"])
    report = convert.main([str(tmp_path / "a"), "--to", second, "--out", str(tmp_path / "b"), "--images", "link"])
    assert report.splits == {"train": (6, 6), "test": (3, 0)}
    convert.main([str(tmp_path / "b"), "--to", "coco", "--out", str(tmp_path / "c")])
    for name in ("train.json", "test.json"):
        assert essence(tmp_path / "c" / name) == essence(data / name)


def test_the_choices_are_the_formats(run_tool):
    result = run_tool("convert", "--help")
    assert f"--to {{{','.join(FORMAT_NAMES)}}}" in result.stdout
    assert "examples" in result.stdout


def test_a_second_run_adds_a_split(convert, run_tool, make_dataset, tmp_path):
    data = make_dataset()
    assert "data.yaml has no val yet" in convert(data / "train.json", "--to", "yolo", "--out", tmp_path / "yolo")
    args = (data / "test.json", "--split", "valid", "--to", "yolo", "--out", tmp_path / "yolo")
    assert "has no val" not in convert(*args)
    assert "has the split val already" in refusal(run_tool("convert", *args))
    assert "val: 3 images" in convert(*args, "--overwrite")
    out = convert(tmp_path / "yolo", "--to", "coco", "--out", tmp_path / "back")
    assert sorted(os.listdir(tmp_path / "back")) == ["train.json", "val.json"]
    assert "val: 3 images, 0 boxes" in out
    other = coco("more")
    other["categories"].pop()
    (data / "more.json").write_text(json.dumps(other))
    message = refusal(run_tool("convert", data / "more.json", "--to", "yolo", "--out", tmp_path / "yolo"))
    assert "has other classes" in message


def test_edits_and_provenance(convert, make_dataset, tmp_path):
    extra = coco("more", images=2)
    extra["categories"][0]["name"] = "Sponge"
    data = make_dataset(more=extra)
    out = tmp_path / "both.json"
    convert(
        data / "train.json", "--merge", data / "more.json", "--rename", "Paper pack=Paper", "--drop-classes", "Battery",
        "--match", "*/000[01].jpg", "--to", "coco", "--out", out,
    )  # fmt: skip
    content = json.loads(out.read_text())
    names = [image["file_name"] for image in content["images"]]
    assert names == ["train/0000.jpg", "train/0001.jpg", "more/0000.jpg", "more/0001.jpg"]
    assert [image["id"] for image in content["images"]] == [0, 1, 6, 7]
    assert content["images"][3]["source"] == str(data / "more.json")
    assert content["images"][3]["source_id"] == 1
    listed = [category["name"] for category in content["categories"]]
    assert listed == [name for name in (*CLASSES, "Sponge") if name not in ("Paper pack", "Battery")]
    made = content["info"]["sortline"]
    assert made["made_by"] == "convert"
    assert [source["file"] for source in made["sources"]] == [str(data / "train.json"), str(data / "more.json")]
    assert all(len(source["sha256"]) == 64 for source in made["sources"])
    assert made["edits"] == [
        f"merge: {data / 'more.json'}",
        "match: */000[01].jpg",
        "rename: Paper pack=Paper",
        "drop-classes: Battery",
    ]


def test_what_is_lost_is_one_line(convert, make_dataset, tmp_path):
    content = coco()
    content["annotations"][0] |= {"segmentation": [[1, 2, 3, 4, 5, 6]], "iscrowd": 1}
    data = make_dataset(train=content)
    out = convert(data / "train.json", "--to", "yolo", "--out", tmp_path / "yolo", "--images", "none")
    assert "lost: iscrowd of 1 box, segmentation of 1 box\n" in out
    assert "left out 1 crowd region" in out


@pytest.mark.parametrize(
    ("args", "message"),
    [
        (["absent.json", "--to", "csv"], "absent.json: no such file or folder"),
        (["data", "--from", "yolo", "--to", "csv"], "has no data.yaml"),
        (["data/train", "--to", "csv"], "is of no known format"),
        (["data/train.json", "--to", "csv", "--keep-classes", "Plastc"], "did you mean 'Plastic'"),
        (["data/train.json", "--to", "csv", "--rename", "Paper"], "'Paper' is not OLD=NEW"),
        (["data/train.json", "--to", "csv", "--classes", "a"], "lists its classes itself, being coco"),
        (["data/train.json", "--to", "yolo", "--image-root", "absent"], "--image-root absent: no such folder"),
        (["data/train.json", "--to", "yolo", "--image-root", "data/train"], "6 of 6 photos are missing"),
        (["data", "--to", "csv", "--merge", "data/test.json"], "has the splits train, test\n    pick one with --split"),
        (["data", "--split", "val", "--to", "csv"], "has no split 'val'"),
        (
            ["data/train.json", "--to", "csv", "--merge", "data/train.json"],
            "lists images that data/train.json has too: train/0000.jpg",
        ),
        (["data/train.json", "--to", "csv", "--max-images", "0"], "--max-images: 0 leaves no image"),
    ],
)
def test_bad_input_ends_in_one_message_and_no_file(run_tool, make_dataset, monkeypatch, tmp_path, args, message):
    make_dataset()
    monkeypatch.chdir(tmp_path)
    args = [tmp_path / arg if arg.startswith(("data", "absent")) else arg for arg in args]
    text = refusal(run_tool("convert", *args, "--out", tmp_path / "out"))
    assert message in text.replace(f"{tmp_path}/", "")
    assert sorted(os.listdir(tmp_path)) == ["data"]


def test_several_splits_into_one_file_are_refused(run_tool, make_dataset, tmp_path):
    message = refusal(run_tool("convert", make_dataset(), "--to", "coco", "--out", tmp_path / "all.json"))
    assert "is one file, the source has the splits train, test" in message


def test_the_source_itself_is_not_overwritten(run_tool, make_dataset):
    data = make_dataset()
    before = snapshot(data)
    args = (data / "train.json", "--drop-empty", "--to", "coco", "--out", data / "train.json")
    assert "a file of the source would be replaced" in refusal(run_tool("convert", *args, "--overwrite"))
    assert snapshot(data) == before


@pytest.mark.slow
@pytest.mark.skipif(not FULL.is_file(), reason="needs ../shared/data/recycle-contest")
@pytest.mark.parametrize("name", ["coco", "voc", "csv"])
def test_the_contests_file_returns_exactly(name, tmp_path):
    import convert

    convert.main([str(FULL), "--to", name, "--out", str(tmp_path / name)])
    convert.main([str(tmp_path / name), "--to", "coco", "--out", str(tmp_path / "back.json")])
    assert essence(tmp_path / "back.json") == essence(FULL)
