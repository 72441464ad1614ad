import json

import numpy as np
import pytest
from helpers import coco
from hypothesis import given, settings
from hypothesis import strategies as st

from sortline.data.annotations import read_annotations
from sortline.errors import InputError
from sortline.files import write_json
from sortline.predictions import results as results_module
from sortline.predictions.read import read_results
from sortline.predictions.results import (
    Results,
    check_results,
    note_on_outside,
    ranks_in_group,
    with_true_labels,
    write_results,
)

NAN = float("nan")


def row(**changes):
    return {"image_id": 1, "category_id": 2, "bbox": [1.5, 2, 3, 4], "score": 0.5, **changes}


def make_results(number=3, **columns):
    sound = {
        "image_ids": np.arange(number) % 6,
        "category_ids": np.arange(number) % 10,
        "bboxes_xywh": np.arange(4 * number).reshape(-1, 4) + 0.1,
        "scores": np.linspace(0, 1, number),
    }
    return Results.from_arrays(**(sound | columns))


def assert_equal(one, other):
    for column in ("image_ids", "category_ids", "bboxes_xywh", "scores"):
        np.testing.assert_array_equal(getattr(one, column), getattr(other, column), strict=True)


def test_arrays_get_their_types_and_shapes():
    results = Results.from_arrays([1], [2.0], [[1, 2, 3, 4]], np.array([0.1], dtype=np.float32))
    assert [column.dtype.kind for column in vars(results).values()] == ["i", "i", "f", "f"]
    assert results.scores[0] == np.float32(0.1)
    assert results.bboxes_xywh.shape == (1, 4)
    assert len(results) == 1


def test_no_boxes_have_a_shape():
    assert Results.empty().bboxes_xywh.shape == (0, 4)
    assert len(Results.concatenate([])) == 0


@pytest.mark.parametrize(
    "columns", [{"scores": [0.5]}, {"image_ids": [1, 2]}, {"bboxes_xywh": np.zeros((4, 4))}, {"bboxes_xywh": [1, 2]}]
)
def test_columns_that_do_not_fit_are_refused(columns):
    with pytest.raises(ValueError, match=r"different lengths|reshape"):
        make_results(**columns)


def test_parts_are_joined_in_order():
    parts = make_results(2), make_results(3)
    joined = Results.concatenate(parts)
    assert len(joined) == 2 + 3
    assert_equal(joined.take(np.arange(2)), parts[0])
    assert_equal(joined.take(np.arange(5) >= 2), parts[1])


def test_boxes_without_area_are_dropped():
    results = make_results(4, bboxes_xywh=[[0, 0, 1, 1], [0, 0, 0, 1], [0, 0, 1, -1], [0, 0, 2, 2]])
    assert_equal(results.without_empty_boxes(), results.take(np.array([0, 3])))


FINITE = st.floats(-1e6, 1e6)
FLOAT32 = st.floats(0, 1024, width=32)


@settings(max_examples=50, deadline=None)
@given(
    st.lists(
        st.tuples(
            st.integers(0, 5),
            st.integers(0, 9),
            st.tuples(FINITE, FINITE, st.floats(1e-300, 1e6), FLOAT32.filter(lambda size: size > 0)),
            st.floats(0, 1),
        ),
        max_size=20,
    )
)
def test_floats_come_back_bit_for_bit(tmp_path_factory, rows):
    columns = list(zip(*rows, strict=True)) or [[], [], [], []]
    results = Results.from_arrays(*columns)
    path = tmp_path_factory.mktemp("results") / "test.bbox.json"
    write_results(path, results)
    assert_equal(read_results(path, coco()), results)


def test_a_file_longer_than_one_piece_is_whole(tmp_path, monkeypatch):
    monkeypatch.setattr(results_module, "ROWS_A_WRITE", 2)
    for number in (1, 2, 3, 4, 5):
        results = make_results(number)
        write_results(tmp_path / "a.json", results)
        assert_equal(read_results(tmp_path / "a.json", coco()), results)


def test_the_file_is_what_coco_tools_read(tmp_path):
    write_results(tmp_path / "a.json", make_results(1, bboxes_xywh=[[1, 2, 3.5, 4]], scores=[0.25]))
    expected = [{"image_id": 0, "category_id": 0, "bbox": [1.0, 2.0, 3.5, 4.0], "score": 0.25}]
    assert json.loads((tmp_path / "a.json").read_text()) == expected


@pytest.mark.parametrize("columns", [{"scores": [0.5, NAN, 1]}, {"bboxes_xywh": np.full((3, 4), np.inf)}])
def test_nan_and_infinity_are_not_written(tmp_path, columns):
    with pytest.raises(ValueError, match="NaN or infinity; the first is row"):
        write_results(tmp_path / "a.json", make_results(**columns))
    assert list(tmp_path.iterdir()) == []


def problems(tmp_path, data):
    path = tmp_path / "a.json"
    path.write_text(json.dumps(data))
    with pytest.raises(InputError) as error:
        read_results(path, coco())
    return [problem.what for problem in error.value.problems]


def test_other_keys_are_let_pass(tmp_path):
    write_json(tmp_path / "a.json", [row(segmentation=[], area=2.0)])
    assert len(read_results(tmp_path / "a.json", coco())) == 1


@pytest.mark.parametrize(
    ("data", "expected"),
    [
        (coco(), "looks like an annotation file"),
        ({"a": 1}, "it holds a dict, not a list"),
        ([3], "1 row not given as a JSON object: row 0"),
        ([row(), row(image_id=99)], "1 row of images that the annotation file does not list (image_id 99): row 1"),
        ([row(category_id=10)], "1 row of categories that the annotation file does not list (category_id 10): row 0"),
        ([row(image_id="1")], "1 row whose 'image_id' is not a whole number but, for example, '1'"),
        ([{"image_id": 1, "category_id": 1, "bbox": [0, 0, 1, 1]}], "1 row without 'score'"),
        ([row(score="0.5")], "1 row whose 'score' is not a finite number"),
        ([row(score=NAN)], "1 row whose 'score' is not a finite number but, for example, nan"),
        ([row(score=1.01)], "1 row with a score outside 0 to 1"),
        ([row(score=-0.01)], "1 row with a score outside 0 to 1"),
        ([row(bbox=[0, 0, NAN, 1])], "1 row with NaN or infinity in 'bbox'"),
        ([row(bbox=[0, 0, 1])], "1 row whose 'bbox' is not four numbers"),
        ([row(bbox=[9, 9, -1, 1])], "1 row with negative width"),
        ([row(bbox=[9, 9, 1, 0])], "1 row with zero height"),
    ],
)
def test_what_is_not_usable_is_refused(tmp_path, data, expected):
    (problem,) = problems(tmp_path, data)
    assert expected in problem


def test_all_faults_are_reported_together(tmp_path):
    data = [row(image_id=99)] * 5 + [row(score=2), row(bbox=[0, 0, 0, 1]), row()]
    assert problems(tmp_path, data) == [
        "1 row with zero width: row 6",
        "5 rows of images that the annotation file does not list (image_id 99): rows 0, 1, 2 and 2 more",
        "1 row with a score outside 0 to 1: row 5",
    ]


def test_results_in_memory_are_checked_against_their_file():
    check_results(make_results(), coco(), "detections")
    wrong = make_results(image_ids=[7, 8, 0], category_ids=[0, 10, 0], scores=[NAN, 0.5, 0.5])
    with pytest.raises(InputError) as error:
        check_results(wrong, coco(), "detections")
    assert [problem.what for problem in error.value.problems] == [
        "1 of 3 detections have NaN or infinity in box or score",
        "detections of images that the annotation file does not list: ids 7, 8",
        "detections of categories that the annotation file does not list: ids 10",
    ]


@pytest.mark.parametrize(("outside", "note"), [(0, []), (1, []), (2, ["10% of the boxes reach more than"])])
def test_boxes_of_a_resized_photo_are_noted(tmp_path, outside, note):
    """Of 20 boxes on photos of 64 x 48, so many begin at 60: one is 5%, which passes."""
    (tmp_path / "ann.json").write_text(json.dumps(coco()))
    left = [60.0] * outside + [4.0] * (20 - outside)
    rows = [dict(image_id=i % 6, category_id=0, bbox=[x, 5.0, 30.0, 20.0], score=0.5) for i, x in enumerate(left)]
    (tmp_path / "pred.json").write_text(json.dumps(rows))
    annotations = read_annotations(tmp_path / "ann.json")
    notes = note_on_outside(read_results(tmp_path / "pred.json", annotations), annotations)
    assert [text[: len(start)] for text, start in zip(notes, note, strict=True)] == note


def test_images_with_predicted_labels_are_left_out_with_their_detections():
    content = coco(images=3)
    content["images"][1]["pseudo"] = True
    found = Results.from_arrays([1, 2], [0, 0], [[1, 1, 9, 9]] * 2, [0.9, 0.8])
    real, results, left_out = with_true_labels(content, found)
    assert [image["id"] for image in real["images"]] == [0, 2]
    assert results.image_ids.tolist() == [2]
    assert left_out == 1
    assert len(with_true_labels(coco(), found)[1]) == 2


def test_ranks_follow_the_order_given():
    assert ranks_in_group(np.array([7, 3, 7, 7, 3])).tolist() == [0, 0, 1, 2, 1]
    assert ranks_in_group(np.array([], dtype=np.int64)).tolist() == []
