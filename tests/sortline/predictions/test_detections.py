"""From detections of one image to the results of an annotation file."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from sortline.errors import InputError
from sortline.predictions.detections import ImageDetections, in_file_order, to_results


def annotations(*names, size=100):
    """Make an annotation file's content; ids start at 7 so that none is a row's position."""
    images = [{"id": 7 + row, "file_name": name, "width": size, "height": size} for row, name in enumerate(names)]
    return {"images": images, "categories": [{"id": 3, "name": "a"}, {"id": 5, "name": "b"}]}


def detections(image_id, path="", boxes=((1, 2, 4, 8),), scores=None, labels=None):
    boxes = np.asarray(boxes, dtype=np.float32).reshape(-1, 4)
    scores = np.full(len(boxes), 0.5) if scores is None else scores
    labels = np.zeros(len(boxes), dtype=np.int64) if labels is None else np.asarray(labels)
    return ImageDetections(image_id, path, boxes, np.asarray(scores, dtype=np.float32), labels)


def test_order_is_the_files_and_every_image_counts_once():
    padded = [detections(9, scores=[0.1]), detections(7), detections(8), detections(9, scores=[0.9])]
    ordered = in_file_order(padded, annotations("a.jpg", "b.jpg", "c.jpg"), "test.json")
    assert [found.image_id for found in ordered] == [7, 8, 9]
    assert ordered[2].scores[0] == np.float32(0.1), "the first one counts"


@pytest.mark.parametrize(
    ("found", "what"),
    [
        pytest.param([detections(8)], "never saw 2 of its 3 images: a.jpg, c.jpg", id="never-seen"),
        pytest.param(
            [detections(7), detections(8), detections(9), detections(70, "z.jpg")],
            "1 detected images are not in it: z.jpg",
            id="not-in-the-file",
        ),
        pytest.param(
            [detections(7, "/data/b.jpg"), detections(8), detections(9)],
            "a.jpg was read from /data/b.jpg",
            id="another-photo",
        ),
    ],
)
def test_gaps_and_strangers_are_named(found, what):
    with pytest.raises(InputError) as caught:
        in_file_order(found, annotations("a.jpg", "b.jpg", "c.jpg"), "test.json")
    (problem,) = caught.value.problems
    assert problem.where == "test.json"
    assert what in problem.what


def test_missing_images_pass_when_allowed():
    assert in_file_order([detections(8)], annotations("a.jpg", "b.jpg"), "test.json", allow_missing=True)


@pytest.mark.parametrize(
    ("file_name", "path", "same"),
    [
        ("test/0001.jpg", "data/test/0001.jpg", True),
        ("test/0001.jpg", "test/0001.jpg", True),
        ("./0001.jpg", "/data//0001.jpg", True),
        ("test/0001.jpg", "data/train/0001.jpg", False),
        ("1.jpg", "data/11.jpg", False),
    ],
)
def test_photo_is_known_by_its_whole_name(file_name, path, same):
    content = annotations(file_name)
    if same:
        assert in_file_order([detections(7, path)], content, "test.json")
    else:
        with pytest.raises(InputError, match="another photo"):
            in_file_order([detections(7, path)], content, "test.json")


def test_results_hold_category_ids_and_xywh():
    found = [detections(7, boxes=[(1, 2, 4, 8), (0, 0, 1, 1)], labels=[1, 0]), detections(8, boxes=())]
    results = to_results(found, annotations("a.jpg", "b.jpg"), [3, 5], "test.json")
    assert results.image_ids.tolist() == [7, 7]
    assert results.category_ids.tolist() == [5, 3]
    assert results.bboxes_xywh.tolist() == [[1, 2, 4 - 1, 8 - 2], [0, 0, 1, 1]]


def test_boxes_without_area_are_dropped():
    found = [detections(7, boxes=[(5, 5, 5, 9), (1, 2, 4, 8)])]
    assert len(to_results(found, annotations("a.jpg", "b.jpg"), [3], "test.json")) == 1


def test_boxes_are_cut_at_the_border_of_the_photo():
    found = [detections(7, boxes=[(-5, 90, 50, 130), (200, 5, 210, 9)])]
    results = to_results(found, annotations("a.jpg", size=100), [3], "test.json")
    assert results.bboxes_xywh.tolist() == [[0, 90, 50 - 0, 100 - 90]]


@pytest.mark.parametrize("value", [np.nan, np.inf])
def test_values_that_are_no_numbers_are_refused(value):
    found = [detections(7, "a.jpg", scores=[value]), detections(8)]
    with pytest.raises(InputError, match=r"on 1 images hold NaN or infinity: a\.jpg"):
        to_results(found, annotations("a.jpg", "b.jpg"), [3], "test.json")


coordinates = st.floats(0, 4096, width=32)


@given(st.tuples(coordinates, coordinates), st.tuples(coordinates, coordinates), st.floats(0, 1, width=32))
def test_floats_come_back_bit_for_bit(xs, ys, score):
    box = [min(xs), min(ys), max(xs), max(ys)]
    found = [detections(7, boxes=[box], scores=[score])]
    results = to_results(found, annotations("a.jpg", size=4096), [3], "test.json")
    if len(results) == 0:
        assert box[0] == box[2] or box[1] == box[3]
        return
    left, top, width, height = results.bboxes_xywh[0].tolist()
    assert [left, top, left + width, top + height] == box
    assert results.scores[0] == score
