import numpy as np
import pytest
from helpers import coco
from hypothesis import given
from hypothesis import strategies as st

from sortline.errors import InputError
from sortline.predictions.results import Results
from sortline.predictions.tuning.image_folds import ImageFolds
from sortline.predictions.tuning.material import Material, check_material
from sortline.predictions.tuning.rescaled import best_rows, class_limits


def detect(images) -> Results:
    """Find a box on each of these images."""
    return Results.from_arrays(images, [0] * len(images), [[4.0, 5.0, 30.0, 20.0]] * len(images), [0.5] * len(images))


def material(annotations=None, **members: Results) -> Material:
    members = members or {"a": detect(range(6)), "b": detect(range(6))}
    folds = ImageFolds(np.array([0, 0, 0, 1, 1, 1]), ("0", "1"), "folds.csv")
    return Material(annotations or coco(images=6), tuple(members.values()), tuple(members), folds)


def test_sound_material_passes():
    check_material(material())


@pytest.mark.parametrize(
    ("changed", "expected"),
    [
        (material(a=detect(range(6))), "--pred: there is nothing to choose: 1 member"),
        (material(coco(images=6, boxes=False)), "--ann: has no boxes to be found"),
        (material({**coco(images=6), "annotations": coco(images=3)["annotations"]}), "no boxes to be found in fold 1"),
        (material(a=detect(range(6)), b=detect(range(3))), "b: has no box on any image of fold 1"),
        (material(a=detect(range(6)), b=Results.empty()), "b: has no box on any image of fold 0, 1"),
    ],
)
def test_what_nothing_can_be_learnt_from_is_refused(changed, expected):
    with pytest.raises(InputError) as error:
        check_material(changed)
    assert expected in str(error.value)


def test_crowd_regions_are_nothing_to_be_found():
    annotations = coco(images=6)
    annotations["annotations"] = [{**box, "iscrowd": int(box["image_id"] > 2)} for box in annotations["annotations"]]
    with pytest.raises(InputError, match="in fold 1"):
        check_material(material(annotations))


def test_the_best_rows_of_each_class_are_listed():
    scores = np.array([3, 9, 5, 1, 2, 4]) / 10
    assert best_rows(np.array([0, 0, 0, 1, 1, 0]), scores, np.array([2, 1])).tolist() == [1, 2, 4]


@given(
    boxes=st.lists(st.tuples(st.integers(0, 90), st.integers(0, 90)), min_size=1, max_size=4).map(np.array),
    most=st.integers(40, 300),
)
def test_classes_get_as_many_boxes_for_each_ground_truth_as_there_is_room_for(boxes, most):
    limits = class_limits(boxes, np.array([10, 2]), most)
    assert limits[0] == limits[1] * 5 or limits[1] == limits[0] * 2 // 10
    kept = np.minimum(boxes, limits).sum()
    assert kept <= max(most, len(boxes) * (10 + 2))  # one a ground truth is kept in any case
    more = np.minimum(boxes, [limits[0] + 1, limits[1] + 1]).sum()
    assert more > most or kept == boxes.sum() or limits[0] >= boxes.max()
