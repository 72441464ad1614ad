import doctest
import json

import pytest
from detection_cases import make_results, make_truth, matches_of

from sortline.errors import InputError
from sortline.predictions import evaluation as evaluation_module
from sortline.predictions.bootstrap import bootstrap_map50, interval, resamples
from sortline.predictions.evaluation import FEW_IMAGES, evaluate, file_notes, short_names, truth_notes
from sortline.predictions.matching import Matches, Truth, match
from sortline.predictions.ranking import rank
from sortline.predictions.results import write_results
from sortline.predictions.score import score

BOX = [10, 10, 20, 20]
TRUTH = make_truth(*[(image, image % 2, BOX) for image in range(8)], images=8)
GOOD = make_results(*[(image, image % 2, BOX, 0.9 - image / 100) for image in range(8)])
POOR = make_results(*[(image, 0, BOX, 0.9 - image / 100) for image in range(8)])


@pytest.fixture
def ann_file(tmp_path):
    path = tmp_path / "train.json"
    path.write_text(json.dumps(TRUTH))
    return path


@pytest.fixture
def pred_file(tmp_path):
    """Write detections as results; a text is written as it is."""

    def write(name, results):
        path = tmp_path / name
        if isinstance(results, str):
            path.write_text(results)
        else:
            write_results(path, results)
        return path

    return write


def test_every_file_is_scored_on_the_same_resamples(ann_file, pred_file):
    paths = [pred_file("poor.bbox.json", POOR), pred_file("good.bbox.json", GOOD)]
    evaluation = evaluate(ann_file, paths, replicates=200, seed=5)
    assert (evaluation.images, evaluation.ground_truths, evaluation.replicates) == (8, 8, 200)
    weights = resamples(8, 200, seed=5)
    for file, results in zip(evaluation.files, (POOR, GOOD), strict=True):
        assert file.scores == score(Matches.of(TRUTH, results))
        assert file.interval == interval(bootstrap_map50(rank(match(Truth.of(TRUTH), results)), weights))
        assert [bounds is None for bounds in file.class_intervals] == [False] * 2 + [True] * 8
    poor, good = evaluation.files
    assert poor.difference is None
    # Right and wrong detections take turns: precision is 1/1, 2/3, 3/5, 4/7.
    assert poor.scores.map50 == pytest.approx((1 / 4 * (1 + 2 / 3 + 3 / 5 + 4 / 7) + 0) / 2)
    assert good.difference.value == pytest.approx(1 - poor.scores.map50)
    assert good.difference.is_beyond_chance


def test_the_seed_repeats_the_intervals(ann_file, pred_file):
    path = pred_file("poor.json", POOR)
    first, second, other = (evaluate(ann_file, [path], 100, seed) for seed in (1, 1, 2))
    assert first == second
    assert first.files[0].interval != other.files[0].interval


def test_no_bootstrap_gives_no_intervals(ann_file, pred_file):
    paths = [pred_file("poor.bbox.json", POOR), pred_file("good.bbox.json", GOOD)]
    poor, good = evaluate(ann_file, paths, replicates=0).files
    assert poor.interval is None
    assert set(poor.class_intervals) == {None}
    assert good.difference.value > 0
    assert good.difference.interval is None


def test_problems_of_all_files_come_together(ann_file, pred_file, tmp_path):
    outside = make_results((99, 0, BOX, 0.5))
    paths = [
        pred_file("good.json", GOOD),
        pred_file("other.json", outside),
        pred_file("empty.json", ""),
        tmp_path / "absent.csv",
    ]
    with pytest.raises(InputError) as error:
        evaluate(ann_file, paths)
    assert [problem.where for problem in error.value.problems] == [str(path) for path in paths[1:]]


@pytest.mark.parametrize("truth", [make_truth(), make_truth((0, 0, BOX, 1))])
def test_a_file_without_boxes_to_be_found_is_refused(tmp_path, pred_file, truth):
    (tmp_path / "test.json").write_text(json.dumps(truth))
    with pytest.raises(InputError, match=r"test\.json: has no boxes to be found"):
        evaluate(tmp_path / "test.json", [pred_file("a.json", GOOD)])


@pytest.mark.parametrize(
    ("options", "expected"),
    [
        ({"replicates": 99}, "99 resamples don't make an interval"),
        ({"replicates": -1}, "give at least 100, or 0"),
        ({"seed": -1}, "--seed: is -1"),
    ],
)
def test_options_out_of_range_are_refused(ann_file, pred_file, options, expected):
    with pytest.raises(InputError, match=expected):
        evaluate(ann_file, [pred_file("a.json", GOOD)], **options)


def test_a_file_given_twice_is_refused(ann_file, pred_file, tmp_path):
    path = pred_file("a.json", GOOD)
    with pytest.raises(InputError, match="is given twice"):
        evaluate(ann_file, [path, tmp_path / "." / ".." / tmp_path.name / "a.json"])


@pytest.mark.parametrize(
    ("paths", "expected"),
    [
        (["runs/atss/predictions/oof.bbox.json", "runs/dino/predictions/oof.bbox.json"], ["atss", "dino"]),
        (["runs/atss/oof.bbox.json", "runs/atss/test.bbox.json"], ["oof", "test"]),
        (["runs/atss/oof.bbox.json", "ensemble.csv"], ["runs/atss/oof", "ensemble"]),
        (["a/x.json", "a/b/x.json"], ["x", "b/x"]),
        (["x.json", "b/x.json"], ["x", "b/x"]),
        (["x.json", "x.csv", "x.bbox.json"], ["x.json", "x.csv", "x.bbox.json"]),
        (["/data/runs/one.bbox.json"], ["one"]),
        ([".json"], [".json"]),
    ],
)
def test_names_are_what_tells_the_paths_apart(paths, expected):
    assert short_names(paths) == expected


def test_the_examples_of_the_docstrings():
    assert doctest.testmod(evaluation_module).failed == 0


ALL = [(image, 0, BOX, 0.01) for image in range(4)]


def notes_of(truth, detections, images=4):
    matches = matches_of(truth, detections, images)
    return file_notes(matches, score(matches))


def notes_on_truth(truth, images=4, replicates=100):
    matches = matches_of(truth, [], images)
    return truth_notes(matches.truth, score(matches), replicates)


def test_sound_detections_need_no_words():
    assert notes_of([(0, 0, BOX)], ALL) == ()


@pytest.mark.parametrize(
    ("detections", "expected"),
    [
        ([], "holds no detections: every score is 0"),
        (ALL[:1], "no detections on 3 of 4 images"),
        ([(image, 1, BOX, 0.01) for image in range(4)], "are these of the annotation file's images?"),
        ([(image, 1, BOX, 0.01) for image in range(4)], "no detections of General trash: their AP50 is 0"),
        ([*ALL, (0, 1, [40, 10, 30, 20], 0.5)], "20% of the boxes reach more than 1 px beyond their image"),
        ([(image, 0, BOX, 0.3) for image in range(4)], "no score below 0.3"),
    ],
)
def test_what_explains_a_files_scores_is_said(detections, expected):
    assert expected in "\n".join(notes_of([(0, 0, BOX)], detections))


def test_what_is_not_defined_is_said():
    notes = "\n".join(notes_on_truth([(0, 0, BOX), (0, 0, [0, 0, 60, 40], 1)]))
    assert "no ground truth, so no AP and no part in any mean: Paper, Paper pack, Metal" in notes
    assert "APm: not defined, no box to be found is from 32 x 32 to 96 x 96 px in area" in notes
    assert "APl: not defined" in notes
    assert "APs" not in notes
    assert "1 crowd region: detections there" in notes


def test_classes_on_few_images_are_named_beside_intervals():
    truth = [(image, 0, BOX) for image in range(FEW_IMAGES)] + [(0, 1, BOX), (0, 1, BOX), (1, 2, BOX, 1)]
    few = "too few images for an interval to say much; a resample without the class leaves it out: Paper (1 image)"
    assert few in notes_on_truth(truth, images=FEW_IMAGES)
    assert few not in notes_on_truth(truth, images=FEW_IMAGES, replicates=0)
