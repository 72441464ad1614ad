from __future__ import annotations

import numpy as np
import pytest
from helpers import coco

from sortline.errors import InputError
from sortline.predictions.ensembling.members import EnsembleScores, check_members, compare, coverage_notes, member_names
from sortline.predictions.results import Results


@pytest.mark.parametrize(
    ("paths", "names"),
    [
        (["work_dirs/atss/predictions/oof.bbox.json", "work_dirs/dino/predictions/oof.bbox.json"], ("atss", "dino")),
        (["/x/work_dirs/atss/fold_0/test.csv", "/x/work_dirs/dino/fold_0/test.csv"], ("atss", "dino")),
        (["atss_r50_oof.bbox.json", "dino_r50_oof.json"], ("atss", "dino")),
        (["a.json", "b.CSV"], ("a", "b")),
        (["a/fold_0/x.json", "a/fold_1/x.json"], ("fold_0", "fold_1")),
        (["a/x.json", "b/x.json", "c/y.json"], ("a/x", "b/x", "c/y")),
        (["dino.json", "dino_oof.json"], ("dino", "dino_oof")),
        (["a.json", "a.csv"], ("a.json", "a.csv")),
        (["only.bbox.json"], ("only",)),
    ],
)
def test_names_are_what_tells_files_apart(paths, names):
    assert member_names(paths) == names


@pytest.mark.parametrize(
    ("paths", "expected"),
    [
        (["a.json"], "is for 2 members, and 1 files are given"),
        (["b.json", "a.json"], "lists its members in another order than --pred: a, b"),
        (["a.json", "c.json"], "is for the members a, b, and the files given are a, c"),
    ],
)
def test_other_members_are_refused(paths, expected):
    with pytest.raises(InputError) as caught:
        check_members(("a", "b"), paths, "recipe.yaml")
    assert f"recipe.yaml: {expected}" in str(caught.value)


def test_the_members_are_taken():
    check_members(("a", "b"), ["test/a_test.csv", "test/b_test.csv"], "recipe.yaml")
    check_members(("a",), ["anything.csv"], "recipe.yaml")


ANNOTATIONS = coco(images=60)


def detections(image_ids) -> Results:
    """Find the box of each of these images."""
    ids = np.asarray(image_ids, dtype=int)
    return Results.from_arrays(ids, ids % 3, [[4 + i % 7, 5, 30, 20] for i in ids], np.full(len(ids), 0.5))


def test_members_and_ensemble_are_scored_on_the_same_truth():
    members = [detections(range(30)), detections(range(60)), Results.empty()]
    comparison = compare(ANNOTATIONS, members, ["half", "whole", "none"], detections(range(45)))
    assert comparison == EnsembleScores(("half", "whole", "none"), (30 / 60, 60 / 60, 0.0), 45 / 60)


def test_an_ensemble_below_its_best_member_is_called_so():
    worse = EnsembleScores(("a", "b"), (0.5, 0.7), 0.6)
    assert worse.verdict == "the ensemble (0.6000) is BELOW its best member, b (0.7000), by 0.1000"
    assert worse.gain < 0
    better = EnsembleScores(("a", "b"), (0.5, 0.7), 0.75)
    assert better.verdict == "the ensemble (0.7500) is 0.0500 above its best member, b (0.7000)"
    same = EnsembleScores(("a", "b"), (0.5, 0.7), 0.7)
    assert same.verdict == "the ensemble (0.7000) is no better than its best member, b (0.7000)"
    assert better.table.text().splitlines()[2:] == ["a         0.5000", "b         0.7000", "ensemble  0.7500"]


def test_without_boxes_to_find_nothing_is_compared():
    empty = coco(images=60, boxes=False)
    assert compare(empty, [detections([1])], ["a"], detections([1])) is None


def test_a_member_that_lacks_many_images_is_remarked_on():
    whole, part = detections(range(60)), detections(range(3, 60))
    assert coverage_notes([whole, part, whole], ["a", "b", "c"]) == [
        "b has no box on 3 of the 60 images where all others have some"
    ]
    assert coverage_notes([whole, detections(range(1, 60))], ["a", "b"]) == []  # 1 of 60 is less than 2 %
    assert coverage_notes([whole], ["a"]) == []
