import json

import numpy as np
import pytest
from helpers import ROOT, coco
from rich.console import Console

from sortline.data.check.checking import check_sources, printable, report_json, report_table
from sortline.data.check.findings import KINDS, Severity
from sortline.data.check.source import read_source, source_of
from sortline.errors import InputError

REAL_DATA = ROOT.parent / "shared" / "data"
# The tiny sound file has three classes of ten, with two boxes each.
USUAL = {"category-unused", "category-rare"}


def check(data, **options):
    """Kinds of findings with their counts, but for those of the sound file."""
    report = check_sources([source_of(data, "train.json", None, **options)])
    return {finding.kind: len(finding.places) for finding in report.findings if finding.kind not in USUAL}


def with_boxes(*boxes, size=(640, 480), **more):
    """One image with boxes of class 0, or of the class given as a fifth number."""
    width, height = size
    annotations = [
        {"id": i, "image_id": 0, "category_id": (*box, 0)[4], "bbox": list(box[:4]), "area": box[2] * box[3], **more}
        for i, box in enumerate(boxes)
    ]
    images = [{"id": 0, "file_name": "a.jpg", "width": width, "height": height}]
    categories = coco()["categories"]
    return {"images": images, "categories": categories, "annotations": [{"iscrowd": 0, **row} for row in annotations]}


def test_a_sound_file_has_only_its_rare_classes():
    report = check_sources([source_of(coco(), "train.json", None)])
    assert {finding.kind: len(finding.places) for finding in report.findings} == {
        "category-unused": 7,
        "category-rare": 3,
    }
    assert not report.fails()
    assert report.fails(strict=True)


@pytest.mark.parametrize(
    ("boxes", "expected"),
    [
        ([(10, 10, 50, 40)], {}),
        ([(10, 10, 50, 40), (10, 10, 50, 40)], {"box-duplicate": 1}),
        ([(10, 10, 50, 40), (10, 10, 50, 40, 1)], {"box-conflict": 1}),
        ([(10, 10, 0.9, 40)], {"box-under-a-pixel": 1}),
        ([(10, 10, 3.9, 40)], {"box-tiny": 1}),
        ([(10, 10, 4, 80)], {}),  # 20 times longer than wide is let pass
        ([(10, 10, 4, 81)], {"box-long": 1}),
        ([(0, 0, 640, 456)], {"box-full": 1}),  # 456 / 480 = 0.95
        ([(0, 0, 640, 455)], {}),
        ([(600, 10, 50, 40)], {"box-outside": 1}),
    ],
)
def test_boxes(boxes, expected):
    assert check(with_boxes(*boxes)) == expected


@pytest.mark.parametrize(
    ("more", "expected"),
    [
        ({"area": 2000 + 1 + (50 + 40) / 2}, {}),  # half a pixel a side, and one
        ({"area": 2000 + 2 + (50 + 40) / 2}, {"area-mismatch": 1}),
        ({"area": 0}, {"area-not-positive": 1}),
        ({"area": 900, "segmentation": [[10, 10, 60, 10, 60, 50]]}, {}),
        ({"area": 900, "segmentation": []}, {"area-mismatch": 1}),
        ({"bbox": [10, 10, 60, 50]}, {"area-mismatch": 1, "box-corners": 1}),
        ({"iscrowd": 1}, {"crowd": 1, "no-boxes": 1}),
    ],
)
def test_areas_and_flags(more, expected):
    data = with_boxes((10, 10, 50, 40))
    data["annotations"][0].update(more)
    assert check(data) == expected


def test_absent_areas_and_flags():
    data = with_boxes((10, 10, 50, 40))
    del data["annotations"][0]["area"], data["annotations"][0]["iscrowd"]
    assert check(data) == {"area-missing": 1, "iscrowd-missing": 1}


def test_corners_show_where_all_boxes_fit_only_as_such():
    boxes = [(400 + index, 300, 600, 400) for index in range(3)]
    assert check(with_boxes(*boxes))["boxes-look-like-corners"] == 3
    assert "boxes-look-like-corners" not in check(with_boxes(*boxes, (500, 10, 50, 40)))


def test_an_image_with_extremely_many_boxes():
    many = [(x * 20, y * 20, 15, 15) for x in range(20) for y in range(3)]
    assert check(with_boxes(*many[:50])) == {}
    data = with_boxes(*many)
    for index in range(1, 8):
        data["images"].append({**data["images"][0], "id": index, "file_name": f"{index}.jpg"})
        data["annotations"].append({**data["annotations"][0], "id": 100 + index, "image_id": index})
    assert check(data) == {"image-many-boxes": 1}


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("train\\0001.jpg", {"file_name-backslash": 1}),
        ("/data/0001.jpg", {"file_name-absolute": 1}),
        ("C:/0001.jpg", {"file_name-absolute": 1}),
        ("Train/0000.JPG", {"file_names-alike": 1}),
        ("a\0.jpg", {"image-file_name-bad": 1}),
        ("\udcff.jpg", {"image-file_name-bad": 1}),
    ],
)
def test_file_names(name, expected):
    data = coco()
    data["images"][1]["file_name"] = name
    assert check(data) == expected


@pytest.mark.parametrize("name", ["paper", "Paper ", "PAPER_PACK"])
def test_category_names_that_differ_by_case_or_blanks(name):
    data = coco()
    data["categories"][9]["name"] = name
    assert check(data) == {"category-names-alike": 2}


def test_images_without_boxes_and_files_without_any():
    data = coco()
    del data["annotations"][0]
    assert check(data) == {"image-without-boxes": 1}
    assert check(coco(boxes=False)) == {"no-boxes": 1}
    assert check(coco(boxes=False), is_test=True) == {}


def test_one_broken_box_stops_no_other_check():
    data = with_boxes((10, 10, 50, 40), (10, 10, 50, 40), (100, 100, 30, 30), (5, 5, 3, 30))
    data["annotations"][2]["bbox"] = [1, 2, None]
    assert check(data) == {"box-bbox-bad": 1, "box-duplicate": 1, "box-tiny": 1}


def test_every_place_is_named():
    data = with_boxes(*[(10 + 50 * index, 10, 0, 40) for index in range(9)])
    report = check_sources([source_of(data, "train.json", None)])
    (finding,) = [finding for finding in report.findings if finding.kind == "box-empty"]
    assert [place.id for place in finding.places] == list(range(9))
    assert {place.file_name for place in finding.places} == {"a.jpg"}
    assert str(finding.places[1]) == "annotation 1 in a.jpg: bbox [60, 10, 0, 40]"
    assert report.findings[0] is finding


def test_files_are_compared():
    other = coco("val")
    other["images"][0]["file_name"] = "train/0000.jpg"
    other["categories"].reverse()
    first, second = source_of(coco(), "a.json", "."), source_of(other, "b.json", ".")
    found = {finding.kind: finding for finding in check_sources([first, second]).findings if finding.kind not in USUAL}
    assert set(found) == {"categories-differ", "listed-in-both"}
    assert "another order" in str(found["categories-differ"].places[0])
    assert [place.file_name for place in found["listed-in-both"].places] == ["train/0000.jpg"]


def test_a_key_given_twice_is_found(tmp_path):
    path = tmp_path / "train.json"
    path.write_text(json.dumps(coco()).replace('"id": 3, "image_id"', '"id": 3, "image_id": 9, "image_id"'))
    (finding,) = [f for f in check_sources([read_source(path)]).findings if f.kind == "key-repeated"]
    assert str(finding.places[0]) == "'image_id' in the object of id 3"


@pytest.mark.parametrize("data", [{"categories": [], "annotations": []}, {"images": 3}, [], "text"])
def test_what_has_no_images_cannot_be_checked(data):
    with pytest.raises(InputError):
        source_of(data, "train.json", None)


def test_every_error_without_a_repair_is_meant():
    unrepaired = {name for name, kind in KINDS.items() if kind.severity == Severity.ERROR and not kind.repair}
    assert unrepaired == {
        "images-absent",
        "categories-absent",
        "annotations-absent",
        "key-repeated",
        "image-row-bad",
        "image-id-missing",
        "image-file_name-missing",
        "image-file_name-bad",
        "category-row-bad",
        "category-id-missing",
        "category-name-missing",
        "category-name-bad",
        "boxes-look-like-corners",
        "photos-absent",
        "photo-nearly-black",
    }


def test_the_contest_file_has_few_findings():
    path = REAL_DATA / "recycle-contest" / "train.json"
    if not path.is_file():
        pytest.skip("needs the shared data set recycle-contest")
    source = read_source(path)
    counts = {finding.kind: len(finding.places) for finding in check_sources([source]).findings}
    assert counts == {
        "box-duplicate": 10,
        "box-conflict": 13,
        "box-under-a-pixel": 1,
        "box-tiny": 1,
        "box-long": 7,
        "box-full": 53,
        "image-many-boxes": 1,
    }
    assert np.bincount(source.table.annotations.category_rows).min() == 159


def report():
    data = coco()
    data["images"][1]["file_name"] = "[red]\x1b\ud83d/\\.jpg"
    data["annotations"][2]["bbox"] = [1, 2, 0, 4]
    return check_sources([source_of(data, "train.json", None)])


def test_the_json_has_every_place():
    content = json.loads(json.dumps(report_json(report())))
    assert set(content) == {"version", "files", "summary", "findings"}
    assert content["summary"] == {"error": 2, "warning": 2, "note": 1}
    finding = next(finding for finding in content["findings"] if finding["kind"] == "box-empty")
    assert set(finding) == {"kind", "severity", "file", "what", "count", "remedy", "repair", "places"}
    assert finding["places"] == [
        {"section": "annotations", "row": 2, "id": 2, "file_name": "train/0002.jpg", "detail": "bbox [1, 2, 0, 4]"}
    ]


def test_the_table_fits_80_columns_and_prints_names_as_they_are():
    console = Console(width=80, record=True, file=open("/dev/null", "w"))  # noqa: SIM115
    console.print(report_table(report()))
    text = console.export_text()
    assert max(map(len, text.splitlines())) <= 80
    assert "2 errors, 2 warnings, 1 note" in text
    assert "annotation 2 in train/0002.jpg: bbox [1, 2, 0, 4]" in text


def test_odd_letters_are_shown_as_escapes():
    assert printable("a\x1b[31m\ud83d\n") == "a\\x1b[31m\\ud83d\\n"
