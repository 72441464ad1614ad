"""The page: whole, well-formed, self-contained, and safe from what a dataset holds."""

from __future__ import annotations

import re
from html.parser import HTMLParser
from pathlib import Path

import numpy as np
import pytest
from helpers import coco

from sortline.data.describe.dataset_page import OF_BOXES, SECTIONS
from sortline.data.describe.description import describe_dataset
from sortline.files import write_json

VOID = {"meta", "img", "br", "link", "input", "hr"}


class Page(HTMLParser):
    """Reads a page and notes what a browser would need for it.

    Attributes:
        unbalanced: End tags that close nothing, and start tags left open.
        anchors: Values of ``id``.
        references: Values of ``src`` and ``href``.
        tags: Names of the elements.
        text: Everything that is shown.
    """

    def __init__(self, source: str) -> None:
        super().__init__()
        self.unbalanced: list[str] = []
        self.anchors: list[str] = []
        self.references: list[str] = []
        self.tags: list[str] = []
        self.text = ""
        self._open: list[str] = []
        self.feed(source)
        self.unbalanced += self._open

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append(tag)
        if tag not in VOID:
            self._open.append(tag)
        self.anchors += [value or "" for name, value in attrs if name == "id"]
        self.references += [value or "" for name, value in attrs if name in ("src", "href")]

    def handle_endtag(self, tag: str) -> None:
        if self._open and self._open[-1] == tag:
            self._open.pop()
        else:
            self.unbalanced.append(f"/{tag}")

    def handle_data(self, data: str) -> None:
        self.text += data


@pytest.fixture
def describe(tmp_path: Path):
    """Describe contents and read the page."""

    def run(content: dict, test: dict | None = None, root: Path | None = None) -> Page:
        folder = root or tmp_path
        write_json(folder / "train.json", content)
        if test is not None:
            write_json(folder / "test.json", test)
        out = tmp_path / "out"
        describe_dataset(folder / "train.json", out, folder / "test.json" if test is not None else None, samples=2)
        return Page((out / "index.html").read_text(encoding="utf-8"))

    return run


@pytest.fixture(scope="module")
def full(tmp_path_factory: pytest.TempPathFactory) -> tuple[Page, Path]:
    """The page of a dataset with photos and a test file."""
    from PIL import Image

    root = tmp_path_factory.mktemp("data")
    rng = np.random.default_rng(0)
    for split, content in (("train", coco()), ("test", coco("test", 4))):
        write_json(root / f"{split}.json", content)
        (root / split).mkdir()
        for image in content["images"]:
            noise = rng.integers(0, 255, (48, 64, 3), dtype=np.uint8)
            Image.fromarray(noise).save(root / image["file_name"])
    describe_dataset(root / "train.json", root / "out", root / "test.json", samples=2)
    return Page((root / "out" / "index.html").read_text(encoding="utf-8")), root / "out"


def test_all_sections_are_there_and_every_link_leads_to_one(full: tuple[Page, Path]) -> None:
    page, _ = full
    assert page.unbalanced == []
    assert page.anchors == list(SECTIONS)
    links = [reference for reference in page.references if not reference.startswith("data:")]
    assert {link.removeprefix("#") for link in links} == set(SECTIONS)


def test_nothing_is_fetched_from_anywhere(full: tuple[Page, Path]) -> None:
    page, out = full
    assert {reference[:5] for reference in page.references} <= {"data:", *(f"#{anchor}"[:5] for anchor in SECTIONS)}
    source = re.sub(r"data:[\w/+]+;base64,[\w+/=]+", "", (out / "index.html").read_text(encoding="utf-8"))
    assert not re.search(r"https?:|//\w|@import|url\(", source)
    assert "script" not in page.tags


def test_every_chart_is_on_the_page_and_a_file_beside_it(full: tuple[Page, Path]) -> None:
    page, out = full
    files = sorted(path.stem for path in out.glob("*.png"))
    expected = ["aspects", "boxes_per_image", "class_counts", "class_shares", "co_occurrence", "photo_features"]
    assert files == [*expected, "places", "places_by_class", "size_groups", "sizes"]
    assert sum(reference.startswith("data:image/svg") for reference in page.references) == len(files)
    # Two photos of each of three classes, two crowded ones, two of each of four extremes.
    assert sum(reference.startswith("data:image/jpeg") for reference in page.references) == 3 * 2 + 2 + 4 * 2
    assert len(list(out.glob("samples_*.jpg"))) == 3 + 2


def test_what_comes_from_a_dataset_is_escaped(describe) -> None:
    content = coco()
    evil = "<script>alert(1)</script>\"'><img src=x onerror=alert(1)>"
    for index, image in enumerate(content["images"]):
        image["file_name"] = f"{evil}{index}.jpg"
        image["width"] += 1000 * (index == 0)
    content["categories"][1]["name"] = evil
    page = describe(content)
    assert page.unbalanced == []
    assert "script" not in page.tags
    assert evil in page.text
    assert "x" not in page.references


def test_without_boxes_the_page_is_made_and_says_so(describe) -> None:
    page = describe(coco(boxes=False))
    assert "No test file was given" in page.text
    assert "The file has no boxes." in page.text
    assert not set(OF_BOXES) & set(page.anchors)
    assert page.unbalanced == []


def test_one_image_of_one_class(describe) -> None:
    content = coco(images=1)
    content["categories"] = content["categories"][:1]
    page = describe(content)
    assert "There is only one class." in page.text
    assert page.unbalanced == []


def test_absent_photos_and_other_classes_in_test_are_said(describe) -> None:
    other = coco("test", 3)
    other["categories"][4]["name"] = "Porcelain"
    page = describe(coco(), other)
    assert "Only train lists Glass." in page.text
    assert "Only test lists Porcelain." in page.text
    assert "The photos are not at hand" in page.text
    assert "Samples need the photos." in page.text


@pytest.mark.slow
def test_eighty_classes(describe) -> None:
    content = coco(images=90)
    content["categories"] = [{"id": index, "name": f"kind {index}"} for index in range(80)]
    for index, annotation in enumerate(content["annotations"]):
        annotation["category_id"] = index % 80
    page = describe(content)
    assert page.unbalanced == []
    assert "The 40 commonest of 80 classes" in page.text
    assert page.text.count("kind 79") >= 1
