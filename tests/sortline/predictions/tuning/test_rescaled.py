from dataclasses import replace

import numpy as np
import pytest

from sortline.predictions.ensembling.ensemble_settings import EnsembleSettings
from sortline.predictions.ensembling.grouping import group_members
from sortline.predictions.ensembling.rescale import rescale_members
from sortline.predictions.tuning.rescaled import RescaledBoxes

ALL = 10**9
WHOLE = 3


@pytest.mark.parametrize("rescale", ["none", "minmax", "rank"])
def test_rescaling_without_labels_is_that_of_the_ensemble(pair, rescale):
    members = rescale_members(pair.members, pair.annotations, EnsembleSettings(rescale=rescale))
    expected = group_members(members, pair.annotations)
    boxes = RescaledBoxes(pair, ALL).boxes(rescale, WHOLE)
    assert np.array_equal(boxes.scores, expected.scores)
    assert np.array_equal(boxes.bboxes_xywh, expected.bboxes_xywh)
    assert np.array_equal(boxes.starts, expected.starts)


def scores_by_fold(material, rescale, view, of_first_member=True):
    """Return each fold's rescaled scores of the first member's boxes."""
    boxes = RescaledBoxes(material, ALL).boxes(rescale, view)
    rows = np.repeat(np.arange(len(boxes.starts) - 1) // len(boxes.category_ids), np.diff(boxes.starts))
    folds = material.folds.of_image[rows]
    return [boxes.scores[(folds == fold) & (boxes.member_of_box == 0)] for fold in range(len(material.folds))]


@pytest.mark.parametrize("rescale", ["isotonic", "platt"])
@pytest.mark.parametrize("view", [WHOLE, 0])
def test_fitted_scores_never_depend_on_the_labels_of_their_own_fold(pair, rescale, view):
    in_fold_1 = {
        image["id"] for image, fold in zip(pair.annotations["images"], pair.folds.of_image, strict=True) if fold == 1
    }
    boxes = [box for box in pair.annotations["annotations"] if box["image_id"] not in in_fold_1]
    unlabelled = replace(pair, annotations={**pair.annotations, "annotations": boxes})
    with_labels, without = scores_by_fold(pair, rescale, view), scores_by_fold(unlabelled, rescale, view)
    assert np.array_equal(with_labels[1], without[1])
    assert not np.array_equal(with_labels[2], without[2])  # it is fitted to fold 1, and to fold 0 unless left out


@pytest.mark.parametrize("rescale", ["isotonic", "platt"])
def test_labels_of_the_fold_that_a_view_leaves_out_are_never_seen(pair, rescale):
    in_fold_0 = {
        image["id"] for image, fold in zip(pair.annotations["images"], pair.folds.of_image, strict=True) if fold == 0
    }
    boxes = [box for box in pair.annotations["annotations"] if box["image_id"] not in in_fold_0]
    unlabelled = replace(pair, annotations={**pair.annotations, "annotations": boxes})
    for fold, of_fold in enumerate(scores_by_fold(unlabelled, rescale, view=0)):
        assert np.array_equal(of_fold, scores_by_fold(pair, rescale, view=0)[fold])


def test_a_member_whose_scores_say_nothing_can_not_be_fitted(pair):
    reversed_scores = replace(pair.members[0], scores=1 - pair.members[0].scores)
    changed = replace(pair, members=(reversed_scores, *pair.members[1:]))
    rescaled = RescaledBoxes(changed, ALL)
    assert not rescaled.can_fit("platt", 0, WHOLE)
    assert rescaled.can_fit("platt", 1, WHOLE)


def test_only_the_best_boxes_of_each_class_are_looked_at(pair):
    few = RescaledBoxes(pair, 900).boxes("none", WHOLE)
    every = RescaledBoxes(pair, ALL).boxes("none", WHOLE)
    assert 800 < len(few.scores) <= 900 < len(every.scores)
    kept, left_out = set(few.scores.tolist()), set(every.scores.tolist()) - set(few.scores.tolist())
    assert np.mean(list(kept)) > np.mean(list(left_out))
