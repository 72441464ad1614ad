import pytest
from helpers import coco

from sortline.errors import InputError
from sortline.predictions.read import read_predictions
from sortline.predictions.results import Results, write_results
from sortline.predictions.submission import write_submission

FOUND = Results.from_arrays([1, 0, 1], [2, 0, 1], [[1, 2, 3, 4], [5, 6, 7.5, 8], [2, 2, 9, 9]], [0.25, 0.5, 0.125])


@pytest.mark.parametrize("name", ["a.bbox.json", "a.JSON"])
def test_results_are_read_in_the_files_order(tmp_path, name):
    write_results(tmp_path / name, FOUND)
    assert read_predictions(tmp_path / name, coco(images=2)).scores.tolist() == [0.25, 0.5, 0.125]


@pytest.mark.parametrize("name", ["a.csv", "a.CSV"])
def test_a_csv_is_matched_by_file_name(tmp_path, name):
    annotations = coco("test", images=2, boxes=False)
    write_submission(tmp_path / name, FOUND, annotations)
    # The same photos under other ids, listed the other way round.
    other = coco("test", images=2, boxes=False)
    other["images"] = [{**image, "id": 100 + image["id"]} for image in reversed(other["images"])]
    results = read_predictions(tmp_path / name, other)
    expected = sorted(zip(FOUND.image_ids + 100, FOUND.category_ids, FOUND.scores, strict=True))
    assert sorted(zip(results.image_ids, results.category_ids, results.scores, strict=True)) == expected


@pytest.mark.parametrize(("name", "expected"), [("a.txt", "ends in '.txt'"), ("a", "has no ending")])
def test_another_ending_is_refused(tmp_path, name, expected):
    with pytest.raises(InputError, match=expected):
        read_predictions(tmp_path / name, coco())


@pytest.mark.parametrize("name", ["a.json", "a.csv"])
@pytest.mark.parametrize(("text", "expected"), [(None, "no such file"), ("", "is empty"), (" \n", "is empty")])
def test_absent_and_empty_files_are_named(tmp_path, name, text, expected):
    if text is not None:
        (tmp_path / name).write_text(text)
    with pytest.raises(InputError, match=expected) as error:
        read_predictions(tmp_path / name, coco())
    assert name in str(error.value)
