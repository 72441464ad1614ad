"""200 annotation files broken on purpose: each is refused or repaired, never taken in silence, never a traceback."""

from __future__ import annotations

import contextlib
import copy
import json
import random
from collections.abc import Callable
from typing import Any, NamedTuple

import pytest
from helpers import CLASSES, refusal
from hypothesis import given, settings
from hypothesis import strategies as st

from sortline.data.annotations import read_annotations
from sortline.data.check.checking import check_sources
from sortline.data.check.repair import repair, write_repaired
from sortline.data.check.source import read_source, source_of
from sortline.errors import InputError

IMAGES = 12
NAN, INFINITY = float("nan"), float("inf")


def sound() -> dict[str, Any]:
    """A file without a fault: two boxes an image, one reaching further right than an image's height."""
    images = [{"id": 100 + i, "file_name": f"train/{i:04}.jpg", "width": 64, "height": 48} for i in range(IMAGES)]
    annotations = []
    for index in range(2 * IMAGES):
        bbox = [30.0 + index % 5, 5.0, 28.0, 20.0] if index % 2 else [2.0, 20.0 + index % 7, 20.0, 15.0]
        annotations.append(
            {
                "id": 1000 + index,
                "image_id": 100 + index // 2,
                "category_id": index % 3,
                "bbox": bbox,
                "area": bbox[2] * bbox[3],
                "iscrowd": 0,
            }
        )
    categories = [{"id": index, "name": name} for index, name in enumerate(CLASSES)]
    return {"info": {"year": 2021}, "images": images, "categories": categories, "annotations": annotations}


class Broken(NamedTuple):
    """A broken file and words of which a finding or refusal must hold one; none if nothing is harmed."""

    content: dict[str, Any] | list[Any] | str | bytes
    words: tuple[str, ...] = ()


Mutator = Callable[[dict[str, Any], random.Random], Broken]
MUTATORS: list[Mutator] = []


def mutator(function: Mutator) -> Mutator:
    MUTATORS.append(function)
    return function


def of_annotation(row: int) -> tuple[str, ...]:
    return (f"annotation {1000 + row}", f"annotation {row} (by position)", f"train/{row // 2:04}.jpg")


def of_image(row: int) -> tuple[str, ...]:
    return (f"train/{row:04}.jpg", f"image number {row}", f"image id {100 + row}")


def of_category(row: int) -> tuple[str, ...]:
    return (f"category id {row}", f"category number {row}", CLASSES[row])


def change_annotation(key: str, *values: Any) -> Mutator:
    """Give one annotation's key a bad value."""

    def mutate(data: dict[str, Any], rng: random.Random) -> Broken:
        row = rng.randrange(len(data["annotations"]))
        data["annotations"][row][key] = copy.deepcopy(rng.choice(values))
        return Broken(data, of_annotation(row))

    return mutator(mutate)


def change_image(key: str, *values: Any) -> Mutator:
    def mutate(data: dict[str, Any], rng: random.Random) -> Broken:
        row = rng.randrange(IMAGES)
        data["images"][row][key] = copy.deepcopy(rng.choice(values))
        return Broken(data, of_image(row))

    return mutator(mutate)


def change_category(key: str, *values: Any) -> Mutator:
    def mutate(data: dict[str, Any], rng: random.Random) -> Broken:
        row = rng.randrange(1, 3)
        data["categories"][row][key] = copy.deepcopy(rng.choice(values))
        return Broken(data, of_category(row))

    return mutator(mutate)


def replace_key(*values: Any, key: str, words: str) -> Mutator:
    def mutate(data: dict[str, Any], rng: random.Random) -> Broken:
        data[key] = rng.choice(values)
        return Broken(data, (words,))

    return mutator(mutate)


def text_of(data: Any) -> str:
    return json.dumps(data)


for key in ("id", "image_id", "category_id"):
    change_annotation(key, "x", None, [], {}, True, 1.5, 2**70, NAN, [[[None]]], "9" * 30)
change_annotation("bbox", None, "1 2 3 4", [1, 2, 3], [1, 2, 3, 4, 5], [[1, 2], [3, 4]], [None] * 4, {}, [1, 2, "a", 4])
change_annotation("bbox", [1, 2, NAN, 4], [INFINITY, 2, 3, 4], [1, -INFINITY, 3, 4], [1, 2, 3, 10**400])
change_annotation("bbox", [9, 9, 0, 5], [9, 9, 5, 0], [9, 9, -3, 5], [9, 9, 5, -3], [0, 0, 0, 0])
change_annotation("bbox", [60, 5, 30, 5], [-9, 5, 20, 20], [5, 5, 1e308, 1e308], [1e308, 5, 1e308, 5], [200, 200, 5, 5])
change_annotation("bbox", ["4", "5", "30", "20"], [True, 5, 30, 20], [1, 2, 1e-9, 5], [1, 2, 0.5, 0.5])
change_annotation("area", NAN, "600", None, -5, 0, 1e9, INFINITY, [600], 10**400)
change_annotation("iscrowd", 2, "yes", -1, [0], {}, None, "1", NAN, 0.5)
change_annotation("image_id", 99, 0, -1, 10**9, "100", 101.0)
change_annotation("category_id", 10, -1, 10**9, "1", 2.0)
change_annotation("score", NAN, INFINITY)
change_image("id", "x", None, [], True, 1.5, 2**70, "107", 103.0)
change_image("width", 0, -64, 64.5, "64", None, NAN, 2**70, [64], 10, True)
change_image("height", 0, -48, 48.5, "48", None, INFINITY, {}, 9, 48.0)
change_image("file_name", None, 7, "", " ", [], {}, "a\0b.jpg", "\ud800.jpg", "train/\udfff", "C:\\a.jpg", "/abs/a.jpg")
change_category("id", "x", None, [], True, 2**70, 1.5, "12", 0)
change_category("name", "", None, 7, [], "\ud800", "a\0b", CLASSES[0], CLASSES[0].upper())
replace_key(None, {}, "text", [], key="images", words="'images'")
replace_key(None, {}, 5, [], key="categories", words="'categories'")
replace_key(None, {}, "text", True, key="annotations", words="'annotations'")
replace_key([], key="annotations", words="no box")


@mutator
def an_annotation_without_a_key(data, rng):
    row = rng.randrange(2 * IMAGES)
    del data["annotations"][row][rng.choice(["id", "image_id", "category_id", "bbox", "area", "iscrowd"])]
    return Broken(data, of_annotation(row))


@mutator
def an_image_without_a_key(data, rng):
    row = rng.randrange(IMAGES)
    del data["images"][row][rng.choice(["id", "file_name", "width", "height"])]
    return Broken(data, of_image(row))


@mutator
def a_key_renamed(data, rng):
    row = rng.randrange(2 * IMAGES)
    key = rng.choice(["image_id", "category_id", "bbox"])
    data["annotations"][row][key.upper()] = data["annotations"][row].pop(key)
    return Broken(data, of_annotation(row))


@mutator
def a_list_renamed(data, rng):
    key = rng.choice(["images", "categories", "annotations"])
    data[key[:-1]] = data.pop(key)
    return Broken(data, (f"no key {key!r}", "no box"))


@mutator
def lists_swapped(data, rng):
    first, second = rng.sample(["images", "categories", "annotations"], 2)
    data[first], data[second] = data[second], data[first]
    return Broken(data, ("number 0", "0 (by position)", "annotation 0", "id 1000", "id 100", "category id"))


@mutator
def a_row_that_is_no_object(data, rng):
    section = rng.choice(["images", "categories", "annotations"])
    row = rng.randrange(3)
    data[section][row] = rng.choice([None, "text", 7, [], [None], [[{}]]])
    return Broken(data, (f"number {row}", f"annotation {row} (by position)"))


@mutator
def corners_in_one_box(data, rng):
    row = rng.randrange(2 * IMAGES)
    left, top, width, height = data["annotations"][row]["bbox"]
    data["annotations"][row]["bbox"] = [left, top, left + width, top + height]
    return Broken(data, of_annotation(row))


@mutator
def corners_in_all_boxes(data, rng):
    keep_area = rng.random() < 0.5
    for annotation in data["annotations"]:
        left, top, width, height = annotation["bbox"]
        annotation["bbox"] = [left, top, left + width, top + height]
        annotation["area"] = annotation["area"] if keep_area else annotation["bbox"][2] * annotation["bbox"][3]
    return Broken(data, ("[left, top, right, bottom]",))


@mutator
def boxes_as_shares_of_the_image(data, rng):
    for annotation in data["annotations"]:
        annotation["bbox"] = [value / 64 for value in annotation["bbox"]]
    return Broken(data, ("narrower than 1 px",))


@mutator
def boxes_of_a_larger_photo(data, rng):
    scale = rng.choice([1.5, 2, 10])
    for annotation in data["annotations"]:
        annotation["bbox"] = [value * scale for value in annotation["bbox"]]
    return Broken(data, ("outside the image",))


@mutator
def width_and_height_swapped(data, rng):
    row = rng.randrange(IMAGES)
    image = data["images"][row]
    image["width"], image["height"] = image["height"], image["width"]
    return Broken(data, of_image(row))


@mutator
def an_annotation_twice(data, rng):
    row = rng.randrange(2 * IMAGES)
    again = copy.deepcopy(data["annotations"][row])
    again["id"] = rng.choice([again["id"], 5000])
    again["category_id"] = rng.choice([again["category_id"], 7])
    data["annotations"].append(again)
    return Broken(data, (*of_annotation(row), "annotation 5000"))


@mutator
def an_image_twice(data, rng):
    row = rng.randrange(IMAGES)
    again = copy.deepcopy(data["images"][row])
    again["id"] = rng.choice([again["id"], 500, 100 + (row + 1) % IMAGES])
    again["width"] = rng.choice([64, 32])
    data["images"].append(again)
    return Broken(data, of_image(row))


@mutator
def an_image_id_twice(data, rng):
    row = rng.randrange(1, IMAGES)
    data["images"][row]["id"] = 100
    return Broken(data, of_image(row))


@mutator
def an_image_less(data, rng):
    row = rng.randrange(IMAGES)
    del data["images"][row]
    return Broken(data, (f"annotation {1000 + 2 * row}",))


@mutator
def a_category_less(data, rng):
    row = rng.randrange(3)
    del data["categories"][row]
    return Broken(data, (f"annotation {1000 + row}",))


@mutator
def a_category_twice(data, rng):
    row = rng.randrange(3)
    data["categories"].append({**data["categories"][row], "id": rng.choice([row, 50])})
    return Broken(data, of_category(row))


@mutator
def ids_of_another_type(data, rng):
    make = rng.choice([str, float])
    for section, key in (("images", "id"), ("annotations", "image_id")):
        for row in data[section]:
            row[key] = make(row[key])
    return Broken(data, ("train/0000.jpg",))


@mutator
def twins_by_case(data, rng):
    row = rng.randrange(1, IMAGES)
    data["images"][row]["file_name"] = "TRAIN/0000.JPG"
    return Broken(data, ("TRAIN/0000.JPG",))


@mutator
def nan_deep_inside(data, rng):
    row = rng.randrange(2 * IMAGES)
    data["annotations"][row]["extra"] = [{"a": [NAN]}]
    return Broken(data, of_annotation(row))


@mutator
def deep_inside_a_row(data, rng):
    row = rng.randrange(2 * IMAGES)
    marked = text_of(data).replace(f'"id": {1000 + row},', f'"id": {1000 + row}, "extra": DEEP,')
    depth = rng.choice([50, 400, 700, 950, 5000, 100_000])
    return Broken(marked.replace("DEEP", "[" * depth + "]" * depth), ())


@mutator
def deep_in_place_of_a_value(data, rng):
    depth = rng.choice([50, 400, 700, 950, 5000, 100_000])
    row = rng.randrange(IMAGES)
    key = rng.choice(["width", "id", "file_name"])
    data["images"][row][key] = "DEEP"
    text = text_of(data).replace('"DEEP"', "[" * depth + "]" * depth)
    return Broken(text, (*of_image(row), "nested too deeply"))


@mutator
def truncated(data, rng):
    text = text_of(data)
    return Broken(text[: rng.randrange(1, len(text))], ("train.json: is cut short", "train.json: is not JSON"))


@mutator
def no_json_at_all(data, rng):
    return Broken(
        rng.choice(["", "   \n", "{'images': []}", "images,boxes", "\0\0\0", "{]", text_of(data) + "}"]),
        ("train.json",),
    )


@mutator
def another_content(data, rng):
    result = {"image_id": 0, "category_id": 0, "bbox": [0, 0, 1, 1], "score": 0.5}
    return Broken(
        rng.choice(["3", "null", "[]", "true", '"text"', text_of([result]), text_of([data])]), ("train.json",)
    )


@mutator
def bytes_that_are_no_utf8(data, rng):
    data["images"][0]["file_name"] = "t\xfcr.jpg"
    text = json.dumps(data, ensure_ascii=False)
    return Broken(text.encode(rng.choice(["latin-1", "utf-16", "utf-16-le"])), ("train.json",))


@mutator
def a_number_of_thousands_of_digits(data, rng):
    return Broken(text_of(data).replace("2021", "1" * 5000), ())


@mutator
def a_key_twice(data, rng):
    row = rng.randrange(2 * IMAGES)
    text = text_of(data).replace(f'"id": {1000 + row},', f'"id": {1000 + row}, "bbox": [1, 1, 2, 2],')
    return Broken(text, (f"{1000 + row}",))


@mutator
def harmless_things(data, rng):
    kind = rng.choice(["mark", "letters", "half a letter elsewhere", "order", "segmentation"])
    if kind == "mark":
        return Broken(b"\xef\xbb\xbf" + text_of(data).encode())
    if kind == "letters":
        data["images"][0]["file_name"] = "tr\xe4in/\u5783\u573e \U0001f5d1.jpg"
    if kind == "half a letter elsewhere":
        data["info"] = {"description": "\ud83d"}
    if kind == "order":
        data = dict(reversed(data.items()))
    if kind == "segmentation":
        data["annotations"][0].update(segmentation=[[0, 0, 5, 0, 5, 5]], area=12.5)
    return Broken(data)


def mutated(seed: int) -> Broken:
    return MUTATORS[seed % len(MUTATORS)](sound(), random.Random(seed))


def write(path, content) -> None:
    text = content if isinstance(content, str | bytes) else text_of(content)
    path.write_bytes(text if isinstance(text, bytes) else text.encode())


def texts(findings) -> list[str]:
    """Every finding as words, but for what the sound file has as well: classes with few boxes or none."""
    baseline = ("category-unused", "category-rare")
    return [" ".join([finding.what, *map(str, finding.places)]) for finding in findings if finding.kind not in baseline]


def test_the_file_that_is_broken_is_sound(tmp_path):
    write(tmp_path / "train.json", sound())
    source = read_source(tmp_path / "train.json")
    report = check_sources([source])
    assert texts(report.findings) == []
    assert repair(source, report.findings).changes == []


def examine(path, out) -> list[str]:
    """Check and repair a file; return what was said about it."""
    try:
        source = read_source(path)
    except InputError as error:
        return [str(error)]
    report = check_sources([source])
    said = texts(report.findings)
    try:
        write_repaired(repair(source, report.findings), out)
    except InputError as error:
        assert not list(out.parent.iterdir())
        return [*said, str(error)]
    read_annotations(out)
    again = read_source(out)
    assert repair(again, check_sources([again]).findings).changes == []
    return said


@pytest.mark.parametrize("seed", range(200))
def test_a_broken_file_is_refused_or_repaired(seed, tmp_path):
    broken = mutated(seed)
    path, out = tmp_path / "train.json", tmp_path / "out" / "fixed.json"
    out.parent.mkdir()
    write(path, broken.content)
    said = examine(path, out)
    if broken.words:
        assert any(word in text for word in broken.words for text in said), (broken.words, said)


@pytest.mark.parametrize("seed", range(0, 200, 19))
def test_the_tool_says_the_same(seed, tmp_path, run_tool):
    path, out = tmp_path / "train.json", tmp_path / "fixed.json"
    broken = mutated(seed)
    write(path, broken.content)
    result = run_tool("check_dataset", path, "--no-images", "--fix", out)
    assert "Traceback" not in result.stderr
    assert out.exists() == (result.returncode != 2)
    if result.returncode == 2:
        assert str(path) in refusal(result)
    else:
        read_annotations(out)


@settings(max_examples=60, deadline=None)
@given(st.lists(st.integers(0, 10**6), min_size=1, max_size=6))
def test_what_is_repaired_needs_no_second_repair(seeds):
    data = sound()
    for seed in seeds:
        content: Any = None
        with contextlib.suppress(LookupError, TypeError, ValueError):  # doesn't apply to what is broken already
            content = MUTATORS[seed % len(MUTATORS)](copy.deepcopy(data), random.Random(seed)).content
        if isinstance(content, dict) and all(
            isinstance(content.get(key), list) and len(content[key]) >= IMAGES * (key != "categories")
            for key in ("images", "annotations", "categories")
        ):
            data = content
    source = source_of(data, "train.json", image_root=None)
    try:
        repaired = repair(source, check_sources([source]).findings)
    except InputError:
        return
    assert list(repaired.source.findings()) == []
    assert repair(repaired.source, check_sources([repaired.source]).findings).changes == []
