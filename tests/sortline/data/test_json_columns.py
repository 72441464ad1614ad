import numpy as np
import pytest

from sortline.data.json_columns import Columns


def read(rows):
    return Columns("a.json", ("row", "rows"), rows)


@pytest.mark.parametrize(
    ("values", "expected", "good"),
    [
        ([1, -2, 2**63 - 1], [1, -2, 2**63 - 1], [True, True, True]),
        ([1, 2.0, "3", None, True, 2**63], [1, 0, 0, 0, 0, 0], [True] + [False] * 5),
    ],
)
def test_integers(values, expected, good):
    columns = read([{"key": value} for value in values])
    found, mask = columns.integers("key")
    assert found.tolist() == expected
    assert mask.tolist() == good
    assert bool(columns.problems) == (not all(good))


def test_numbers_and_their_placeholder():
    columns = read([{"key": value} for value in (1, 0.5, float("nan"), "1", True, 10**400)])
    found, mask = columns.numbers("key")
    np.testing.assert_array_equal(found, [1, 0.5] + [np.nan] * 4)
    assert mask.tolist() == [True, True] + [False] * 4
    assert columns.problems[0].what.startswith("4 rows whose 'key' is not a finite number but, for example, nan")


def test_a_default_stands_in_for_an_absent_key():
    columns = read([{"key": 3}, {}])
    assert columns.integers("key", default=7)[0].tolist() == [3, 7]
    assert columns.problems == []
    assert columns.integers("key")[1].tolist() == [True, False]
    assert [problem.what for problem in columns.problems] == ["1 row without 'key': row 1"]


def test_one_bad_box_leaves_the_others_readable():
    columns = read([{"bbox": [1, 2, 3, 4]}, {"bbox": [1, 2]}, {"bbox": [5, 6, 7, 8.5]}])
    bboxes_xywh, good = columns.boxes("bbox")
    assert bboxes_xywh[good].tolist() == [[1, 2, 3, 4], [5, 6, 7, 8.5]]
    assert good.tolist() == [True, False, True]


def test_no_rows_have_a_shape():
    columns = read([])
    assert columns.boxes("bbox")[0].shape == (0, 4)
    assert columns.integers("id")[0].shape == (0,)
    assert columns.problems == []


def test_rows_are_named_by_their_place_in_the_file_or_by_id():
    columns = read([{"id": 10}, "text", {"id": 30, "score": 1}])
    columns.numbers("score")
    assert [problem.what for problem in columns.problems] == [
        "1 row not given as a JSON object: row 1",
        "1 row without 'score': row 0",
    ]
    columns.name_rows_by("row id", [10, 30])
    columns.report(np.array([True, True]), "with a fault")
    assert columns.problems[-1].what == "2 rows with a fault: row ids 10, 30"


def test_a_long_value_is_shown_shortened():
    columns = read([{"key": "x" * 100}])
    columns.numbers("key")
    assert len(columns.problems[0].what) < 110


def test_a_fault_says_its_kind_and_where_in_the_list_its_rows_are():
    columns = Columns("a.json", ("image", "images"), [None, {"width": 1}, {"width": "2"}, {}])
    columns.integers("width")
    assert [(fault.kind, fault.rows.tolist(), fault.key) for fault in columns.faults] == [
        ("image-row-bad", [0], ""),
        ("image-width-missing", [3], ""),
        ("image-width-bad", [2], "width"),
    ]
