import csv
import math

import numpy as np
import pytest
from helpers import ROOT, coco
from hypothesis import given, settings
from hypothesis import strategies as st

from sortline.data.annotations import read_annotations
from sortline.errors import InputError
from sortline.predictions.results import Results
from sortline.predictions.submission import write_submission
from sortline.predictions.submission_boxes import inspect_submission, read_submission

HEADER = "PredictionString,image_id"
NAN = float("nan")


def make_annotations(names=("test/0000.jpg", "test/0001.jpg", "test/0002.jpg"), first_id=0):
    data = coco(images=len(names), boxes=False)
    for index, (image, name) in enumerate(zip(data["images"], names, strict=True)):
        image.update(id=first_id + index, file_name=name)
    return data


@pytest.fixture
def write_csv(tmp_path):
    def write(*rows, header=HEADER):
        path = tmp_path / "submission.csv"
        path.write_text("\n".join([header, *rows]) + "\n")
        return path

    return write


def one_box(text):
    """A sound file but for the box of its first image."""
    return f"{text},test/0000.jpg", ",test/0001.jpg", ",test/0002.jpg"


def test_the_file_is_as_the_contest_wants_it(tmp_path):
    results = Results.from_arrays(
        [12, 10, 12], [3, 0, 9], [[1, 2, 3, 4], [0.5, 0.25, 10, 20], [5, 6, 7, 8]], [0.25, 0.5, 0.75]
    )
    path = tmp_path / "submission.csv"
    summary = write_submission(path, results, make_annotations(first_id=10))
    assert path.read_text().splitlines() == [
        "PredictionString,image_id",
        f"0 0.5 0.5 0.25 {0.5 + 10} {0.25 + 20},test/0000.jpg",
        ",test/0001.jpg",
        "9 0.75 5.0 6.0 12.0 14.0 3 0.25 1.0 2.0 4.0 6.0,test/0002.jpg",
    ]
    assert (summary.rows, summary.boxes, summary.images_without_boxes) == (3, 3, 1)
    assert summary.file_size == path.stat().st_size
    assert str(summary) == f"3 images, 3 boxes, 1 image without boxes, {summary.file_size} bytes"


def test_no_detections_at_all_still_give_every_row(tmp_path):
    path = tmp_path / "submission.csv"
    write_submission(path, Results.empty(), make_annotations())
    assert path.read_text() == f"{HEADER}\n,test/0000.jpg\n,test/0001.jpg\n,test/0002.jpg\n"
    assert inspect_submission(path, make_annotations()).problems == []
    assert len(read_submission(path, make_annotations())) == 0


def test_boxes_of_equal_score_keep_their_order(tmp_path):
    results = Results.from_arrays([0] * 3, [5, 1, 3], [[0, 0, 1, 1]] * 3, [0.5, 0.5, 0.5])
    write_submission(tmp_path / "a.csv", results, make_annotations())
    assert read_submission(tmp_path / "a.csv", make_annotations()).category_ids.tolist() == [5, 1, 3]


def test_a_file_name_with_a_comma_is_quoted(tmp_path):
    annotations = make_annotations(["a, b.jpg", 'c "d".jpg'])
    results = Results.from_arrays([1], [2], [[1, 2, 3, 4]], [0.5])
    write_submission(tmp_path / "a.csv", results, annotations)
    assert inspect_submission(tmp_path / "a.csv", annotations).problems == []
    assert read_submission(tmp_path / "a.csv", annotations).image_ids.tolist() == [1]


def test_very_many_boxes_of_one_image_are_read(tmp_path):
    number = 3_000
    rng = np.random.default_rng(0)
    results = Results.from_arrays(
        [0] * number, [0] * number, rng.random((number, 4)), np.arange(number, 0, -1) / number
    )
    write_submission(tmp_path / "a.csv", results, make_annotations())
    assert (tmp_path / "a.csv").stat().st_size > csv.field_size_limit()
    assert len(read_submission(tmp_path / "a.csv", make_annotations())) == number


@pytest.mark.parametrize(
    ("columns", "expected"),
    [
        (([9], [0], [[0, 0, 1, 1]], [0.5]), "detections of images that the annotation file does not list: ids 9"),
        (([0], [10], [[0, 0, 1, 1]], [0.5]), "detections of categories that the annotation file does not list"),
        (([0], [0], [[0, 0, NAN, 1]], [0.5]), "1 of 1 detections have NaN or infinity"),
    ],
)
def test_results_that_do_not_fit_are_refused_and_nothing_written(tmp_path, columns, expected):
    with pytest.raises(InputError, match=expected):
        write_submission(tmp_path / "a.csv", Results.from_arrays(*columns), make_annotations())
    assert list(tmp_path.iterdir()) == []


# Floats of any size whose sums don't overflow, those that began as float32, and the short decimals of annotation files.
SIZES = st.one_of(
    st.floats(5e-324, 1e307),
    st.floats(2.0**-140, 2048, width=32),
    st.integers(1, 20_480).map(lambda tenths: tenths / 10),
)
STARTS = st.one_of(SIZES, SIZES.map(lambda value: -value), st.sampled_from([0.0, -0.0]))
SCORES = st.one_of(st.floats(0, 1), st.floats(0, 1, width=32))
ROWS = st.lists(
    st.tuples(st.integers(0, 2), st.integers(0, 9), st.tuples(STARTS, STARTS, SIZES, SIZES), SCORES), max_size=12
)


@settings(max_examples=200, deadline=None)
@given(ROWS)
def test_floats_come_back_bit_for_bit(tmp_path_factory, rows):
    results = Results.from_arrays(*(list(zip(*rows, strict=True)) or [[], [], [], []]))
    path = tmp_path_factory.mktemp("submission") / "submission.csv"
    write_submission(path, results, make_annotations())
    back = read_submission(path, make_annotations())
    expected = results.take(np.lexsort((-results.scores, results.image_ids)))
    assert back.image_ids.tolist() == expected.image_ids.tolist()
    assert back.category_ids.tolist() == expected.category_ids.tolist()
    assert back.bboxes_xywh.tobytes() == expected.bboxes_xywh.tobytes()
    assert back.scores.tobytes() == expected.scores.tobytes()
    assert "e" not in path.read_text().removeprefix(HEADER).replace("test/", "")


def test_corners_of_another_team_give_exact_sizes(write_csv):
    path = write_csv(*one_box("3 0.5 0.1 10.2 0.3 30.3"))
    # 0.3 - 0.1 is 0.19999999999999998 in floats.
    assert read_submission(path, make_annotations()).bboxes_xywh.tolist() == [[0.1, 10.2, 0.2, 20.1]]


@pytest.mark.parametrize("empty", ["", " ", " " * 20, "NaN", "nan", "None", "<NA>", '""', '"  "'])
def test_every_way_to_write_no_boxes_is_read(write_csv, empty):
    path = write_csv(*one_box(empty))
    assert inspect_submission(path, make_annotations()).problems == []
    assert inspect_submission(path, make_annotations()).summary.images_without_boxes == 3
    assert len(read_submission(path, make_annotations())) == 0


def test_rows_in_any_order_and_blanks_around_are_read(write_csv):
    path = write_csv("1 0.5 1 2 3 4  ,test/0002.jpg", " 2 0.5 1 2 3 4 3 0.25 1 2 3 4 ,test/0000.jpg", ",test/0001.jpg")
    assert inspect_submission(path, make_annotations()).problems == []
    results = read_submission(path, make_annotations())
    assert results.image_ids.tolist() == [0, 0, 2]
    assert results.category_ids.tolist() == [2, 3, 1]


@pytest.mark.parametrize(
    "text", [f"\ufeff{HEADER}\r\n,a.jpg\r\n,b.jpg\r\n", f"{HEADER}\n,a.jpg\n,b.jpg", f"{HEADER}\n,a.jpg\n,b.jpg\n\n\n"]
)
def test_line_ends_and_byte_order_marks_do_not_matter(tmp_path, text):
    path = tmp_path / "a.csv"
    path.write_bytes(text.encode())
    assert inspect_submission(path, make_annotations(["a.jpg", "b.jpg"])).problems == []


SOUND_BOX = "3 0.5 1 2 30 40"


@pytest.mark.parametrize(
    ("box", "expected"),
    [
        ("3 0.5 1 2 30", "1 row whose tokens are not a multiple of 6: test/0000.jpg (5 tokens)"),
        (f"{SOUND_BOX} 7", "(7 tokens)"),
        ("3 0.5 1 2 3O 40", "1 box with a token that is not a number: test/0000.jpg box 1"),
        ("3 half 1 2 30 40", "1 box with a token that is not a number"),
        ("3 0.5 1 nan 30 40", "1 box with NaN or infinity: test/0000.jpg box 1"),
        ("3 nan 1 2 30 40", "1 box with NaN or infinity"),
        ("3 0.5 1 2 inf 40", "1 box with NaN or infinity"),
        ("3 1.5 1 2 30 40", "1 box with a score outside 0 to 1"),
        ("3 -0.1 1 2 30 40", "1 box with a score outside 0 to 1"),
        ("10 0.5 1 2 30 40", "1 box whose label is not a category id of the annotation file"),
        ("-1 0.5 1 2 30 40", "1 box whose label is not a category id"),
        ("3.5 0.5 1 2 30 40", "1 box whose label is not a category id"),
        ("nan 0.5 1 2 30 40", "1 box whose label is not a category id"),
        ("10.0 0.5 1 2 30 40", "1 box whose label is not a category id"),
        ("3 0.5 1e-999999999 2 30 40", "1 box with an exponent beyond those of any pixel: test/0000.jpg box 1"),
        ("Paper 0.5 1 2 30 40", "1 box whose label is not a category id"),
        (f"{10**30} 0.5 1 2 30 40", "1 box whose label is not a category id"),
        ("3 0.5 30 2 1 40", "1 box with xmax not above xmin"),
        ("3 0.5 1 2 1 40", "1 box with xmax not above xmin"),
        ("3 0.5 1 40 30 2", "1 box with ymax not above ymin"),
        ("3 0.5 1 2 65.1 40", "1 box more than 1 px outside the image"),
        ("3 0.5 -1.1 2 30 40", "1 box more than 1 px outside the image"),
        (f"{SOUND_BOX} {SOUND_BOX}", "1 box listed twice, with the same label and score: test/0000.jpg box 2"),
    ],
)
def test_a_bad_box_is_found(write_csv, box, expected):
    (problem,) = inspect_submission(write_csv(*one_box(box)), make_annotations()).problems
    assert expected in problem.what
    assert problem.remedy


@pytest.mark.parametrize(
    "box",
    [
        "3 0.5 -1 -1 65 49",
        "3 0 1 2 30 40",
        "3 1 1 2 30 40",
        "3 1e-3 1 2 30 40",
        f"{SOUND_BOX} 4 0.5 1 2 30 40",
        f"{SOUND_BOX} 3 0.4 1 2 30 40",
        "3 0.1 1 2 30 40 3 0.9 1 2 30 41",
    ],
)
def test_a_sound_box_is_not_reported(write_csv, box):
    assert inspect_submission(write_csv(*one_box(box)), make_annotations()).problems == []


def test_what_only_costs_score_is_read_all_the_same(write_csv):
    path = write_csv(*one_box(f"{SOUND_BOX} {SOUND_BOX} 3 0.5 1 2 99 40"))
    assert len(inspect_submission(path, make_annotations()).problems) == 2
    assert len(read_submission(path, make_annotations())) == 3


@pytest.mark.parametrize(
    ("rows", "header", "expected"),
    [
        ([",test/0000.jpg", ",test/0002.jpg"], HEADER, "1 of 3 images have no row: test/0001.jpg"),
        (
            [*one_box(""), ",test/0003.jpg"],
            HEADER,
            "1 row of an image that the annotation file does not list: 'test/0003.jpg' (line 5)",
        ),
        ([*one_box(""), SOUND_BOX + ",test/0001.jpg"], HEADER, "1 image with more than one row: test/0001.jpg"),
        (one_box(""), "prediction,image_id", "the header is 'prediction,image_id'"),
        (one_box("")[1:], one_box(SOUND_BOX)[0], f"the header is '{SOUND_BOX},test/0000.jpg'"),
        ([*one_box("")[:2], "1,2,test/0002.jpg", ",test/0002.jpg"], HEADER, "1 row without exactly 2 columns: line 4"),
    ],
)
def test_a_bad_row_is_found(write_csv, rows, header, expected):
    (problem,) = inspect_submission(write_csv(*rows, header=header), make_annotations()).problems
    assert expected in problem.what


def test_columns_are_found_by_name_not_by_place(write_csv):
    path = write_csv(
        f"0,test/0002.jpg,x,{SOUND_BOX}",
        "1,test/0000.jpg,x,",
        "2,test/0001.jpg,x,nan",
        header=",image_id,model,PredictionString",
    )
    assert read_submission(path, make_annotations()).image_ids.tolist() == [2]
    report = inspect_submission(path, make_annotations())
    assert report.problems == []
    assert [note.what for note in report.notes] == [
        "has extra columns, passed over: '', 'model'",
        "has its columns in another order than PredictionString,image_id",
        "1 row with a word for no boxes, such as 'nan', instead of an empty string: test/0001.jpg",
    ]


FOREIGN = {
    "decimal label": (
        one_box("3.0 0.5 1 2 30 40"),
        HEADER,
        ["1 box with a label such as 3.0 in place of 3: test/0000.jpg"],
    ),
    "double blank": (one_box("3  0.5 1 2 30 40"), HEADER, ["1 row with tabs or more than one blank between tokens"]),
    "tab": (one_box("3\t0.5 1 2 30 40"), HEADER, ["1 row with tabs or more than one blank between tokens"]),
    "trailing blank": (one_box(f"{SOUND_BOX} "), HEADER, []),
    "quotes": (one_box(f'"{SOUND_BOX}"'), HEADER, []),
    "rows in another order": (one_box(SOUND_BOX)[::-1], HEADER, []),
    "a row of nothing": ([*one_box(SOUND_BOX), ","], HEADER, []),
    "blank after image_id": (
        [f"{SOUND_BOX},test/0000.jpg ", *one_box("")[1:]],
        HEADER,
        ["1 row with blanks around the"],
    ),
    "blank in header": (
        one_box(SOUND_BOX),
        "PredictionString, image_id",
        ["has blanks around the names in its header"],
    ),
    "index column last": (
        [f"{row},7" for row in one_box(SOUND_BOX)],
        f"{HEADER},Unnamed: 0",
        ["has an extra column, passed over: 'Unnamed: 0'"],
    ),
    "columns swapped": (
        [f"test/0000.jpg,{SOUND_BOX}", "test/0001.jpg,", "test/0002.jpg,"],
        "image_id,PredictionString",
        ["has its columns in another order"],
    ),
    "missing field": (
        [f"test/0000.jpg,{SOUND_BOX}", "test/0001.jpg", "test/0002.jpg"],
        "image_id,PredictionString",
        ["has its columns in another order", "2 rows with fewer columns than the header, the others empty: line 3, 4"],
    ),
}


@pytest.mark.parametrize("name", FOREIGN)
def test_other_ways_of_writing_are_read_and_noted_where_in_doubt(write_csv, name):
    rows, header, expected = FOREIGN[name]
    path = write_csv(*rows, header=header)
    results = read_submission(path, make_annotations())
    assert results.image_ids.tolist() == [0]
    assert results.category_ids.tolist() == [3]
    assert results.bboxes_xywh.tolist() == [[1, 2, 30 - 1, 40 - 2]]
    report = inspect_submission(path, make_annotations())
    assert report.problems == []
    starts = [note.what[: len(start)] for note, start in zip(report.notes, expected, strict=True)]
    assert starts == expected


def test_an_index_column_of_pandas_gets_its_remedy(write_csv):
    path = write_csv(*(f"{index},{row}" for index, row in enumerate(one_box(SOUND_BOX))), header=f",{HEADER}")
    (note,) = inspect_submission(path, make_annotations()).notes
    assert note.remedy == "pandas: to_csv(..., index=False)"
    assert len(read_submission(path, make_annotations())) == 1


def test_a_name_with_blanks_of_its_own_is_kept(write_csv):
    path = write_csv(f"{SOUND_BOX}, a.jpg", ",b.jpg")
    assert inspect_submission(path, make_annotations([" a.jpg", "b.jpg"])).notes == []


def test_all_findings_are_reported_at_once(write_csv):
    path = write_csv(
        "3 0.5 1 nan 3 4 10 0.5 1 2 3 4,test/0000.jpg",
        "3 0.5 1 2 99 40 3 0.5,test/0001.jpg",
        "3 2 1 2 99 40 3 2 1 2 99 40,elsewhere.jpg",
        header="a,b",
    )
    report = inspect_submission(path, make_annotations())
    problems, summary = report.problems, report.summary
    assert [problem.what.split(":")[0] for problem in problems] == [
        "the header is 'a,b'",
        "1 of 3 images have no row",
        "1 row of an image that the annotation file does not list",
        "1 row whose tokens are not a multiple of 6",
        "1 box with NaN or infinity",
        "2 boxes with a score outside 0 to 1",
        "1 box whose label is not a category id of the annotation file",
        "1 box listed twice, with the same label and score",
    ]
    assert (summary.rows, summary.boxes) == (3, 2 + 2)
    with pytest.raises(InputError) as error:
        read_submission(path, make_annotations())
    assert error.value.problems == problems[:-1]


@pytest.mark.parametrize("content", ["", " \n"])
def test_an_empty_file_is_refused(tmp_path, content):
    (tmp_path / "a.csv").write_text(content)
    with pytest.raises(InputError, match="is empty"):
        inspect_submission(tmp_path / "a.csv", make_annotations())


@pytest.mark.parametrize("separator", [";", "\t"])
def test_other_separators_are_named(tmp_path, separator):
    (tmp_path / "a.csv").write_text(f"PredictionString{separator}image_id\n{separator}test/0000.jpg\n")
    with pytest.raises(InputError, match="has its columns separated by") as error:
        read_submission(tmp_path / "a.csv", make_annotations())
    assert repr(separator) in str(error.value)


def test_a_missing_file_is_refused(tmp_path):
    with pytest.raises(InputError, match="no such file"):
        read_submission(tmp_path / "a.csv", make_annotations())


@pytest.mark.slow
def test_a_file_of_full_contest_size(tmp_path):
    path = ROOT.parent / "shared" / "data" / "recycle-contest" / "test.json"
    if not path.exists():
        pytest.skip(f"the contest's list of images is not at {path}")
    annotations = read_annotations(path)
    rng = np.random.default_rng(0)
    images = np.sort(rng.integers(0, len(annotations["images"]), 250_000))
    corners, sizes = rng.random((len(images), 2)) * 900, rng.random((len(images), 2)) * 100 + 4
    results = Results.from_arrays(
        np.array([image["id"] for image in annotations["images"]])[images],
        rng.integers(0, 10, len(images)),
        np.hstack([corners, sizes]).astype(np.float32),
        rng.random(len(images), dtype=np.float32),
    )
    results = results.take(np.lexsort((-results.scores, images)))
    summary = write_submission(tmp_path / "a.csv", results, annotations)
    assert summary.rows == 4_871
    assert summary.file_size > 20e6
    assert inspect_submission(tmp_path / "a.csv", annotations).problems == []
    back = read_submission(tmp_path / "a.csv", annotations)
    for column in ("image_ids", "category_ids", "bboxes_xywh", "scores"):
        assert getattr(back, column).tobytes() == getattr(results, column).tobytes()


def test_reading_leaves_csv_as_it_was(write_csv):
    before = csv.field_size_limit()
    inspect_submission(write_csv(*one_box("")), make_annotations())
    assert csv.field_size_limit() == before
    assert not math.isinf(before)
