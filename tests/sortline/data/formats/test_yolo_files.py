import pytest
from helpers import coco

from sortline.data.formats.base import Findings
from sortline.data.formats.yolo_files import boxes_to_rows, rows_to_boxes
from sortline.errors import InputError


@pytest.fixture
def rows(tmp_path):
    """Read the rows of a photo of 200x100 pixels with the classes cat and dog."""

    def make(text):
        path = tmp_path / "a.txt"
        path.write_text(text)
        findings = Findings(tmp_path)
        found = rows_to_boxes(path, (200, 100), ("cat", "dog"), findings)
        findings.check()
        return found

    return make


def content_of(*bboxes_xywh, **keys):
    content = coco(images=1, boxes=False)
    content["annotations"] = [
        {"id": index, "image_id": 0, "category_id": 2, "bbox": bbox, **keys} for index, bbox in enumerate(bboxes_xywh)
    ]
    return content


def test_a_row_is_centre_and_size_in_parts(rows):
    boxes, polygons = rows("1 0.5 0.25 0.2 0.4\n\n")
    (name, bbox, where) = boxes[0]
    assert (name, polygons) == ("dog", 0)
    assert bbox == pytest.approx([200 * (0.5 - 0.2 / 2), 100 * (0.25 - 0.4 / 2), 200 * 0.2, 100 * 0.4], abs=1e-6)
    assert where.endswith("a.txt:1")


def test_a_polygon_becomes_the_box_around_it(rows):
    boxes, polygons = rows("0 0.1 0.2 0.5 0.9 0.3 0.4\n")
    assert polygons == 1
    assert boxes[0][1] == pytest.approx([200 * 0.1, 100 * 0.2, 200 * (0.5 - 0.1), 100 * (0.9 - 0.2)], abs=1e-6)


def test_an_empty_file_has_no_boxes(rows):
    assert rows("") == ([], 0)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("0 0.5 0.5 0.1", "a.txt:1: a row of the wrong number of columns: 4 columns"),
        ("0 0.5 0.5 0.1 0.1 0.9", "a row of the wrong number of columns: 6 columns"),
        ("0 0.5 0.5 0.1 0.1 0.9 0.9 0.9", "a row of the wrong number of columns: 8 columns"),
        ("cat 0.5 0.5 0.1 0.1", "a row that is not numbers: 'cat 0.5 0.5 0.1 0.1'"),
        ("2 0.5 0.5 0.1 0.1", "a class index outside the names: 2"),
        ("-1 0.5 0.5 0.1 0.1", "a class index outside the names: -1"),
        ("0.5 0.5 0.5 0.1 0.1", "a class index outside the names: 0.5"),
        ("nan 0.5 0.5 0.1 0.1", "a class index outside the names: nan"),
        ("0 100 50 20 20", "coordinates outside 0 to 1: 100 50 20 20"),
        ("0 0.5 0.5 -0.1 0.1", "coordinates outside 0 to 1"),
        ("0 nan 0.5 0.1 0.1", "coordinates outside 0 to 1"),
    ],
)
def test_bad_rows_are_named_with_their_line(rows, text, message):
    with pytest.raises(InputError) as error:
        rows(f"{text}\n0 0.5 0.5 0.1 0.1\n")
    assert message in str(error.value)


def test_boxes_become_rows():
    texts, notes = boxes_to_rows(content_of([8, 12, 16, 24]))
    x_centre, y_centre, width, height = (8 + 16 / 2) / 64, (12 + 24 / 2) / 48, 16 / 64, 24 / 48
    assert texts == {0: f"2 {x_centre} {y_centre} {width} {height}\n"}
    assert notes == []


def test_rows_keep_twelve_decimals_without_exponent():
    texts, _ = boxes_to_rows(content_of([1, 1, 0.00064, 48 / 3]))
    values = texts[0].split()[1:]
    assert values[2] == "0.00001"
    assert values[3] == "0.333333333333"


def test_boxes_are_clipped_to_the_photo_and_those_beyond_left_out():
    texts, notes = boxes_to_rows(content_of([-0.5, -0.5, 65, 49], [64.2, 1, 0.5, 2]))
    assert texts[0] == "2 0.5 0.5 1 1\n"
    assert notes == ["clipped 1 box to the photo", "left out 1 box wholly outside the photo"]


def test_crowds_are_left_out():
    texts, notes = boxes_to_rows(content_of([1, 1, 2, 2], iscrowd=1))
    assert texts == {0: ""}
    assert notes == ["left out 1 crowd region, which YOLO can't mark"]


def test_rows_are_those_of_hotcoco(tmp_path):
    import hotcoco

    content = coco()
    hotcoco.COCO(content).to_yolo(str(tmp_path))
    texts, _ = boxes_to_rows(content)
    for image in content["images"]:
        reference = (tmp_path / f"{image['file_name'].split('/')[1][:-4]}.txt").read_text().split()
        assert list(map(float, texts[image["id"]].split())) == pytest.approx(list(map(float, reference)), abs=5e-7)
