import numpy as np
import pytest
from helpers import coco
from hypothesis import given
from hypothesis import strategies as st

from sortline.data.folding.fold_files import fold_outputs
from sortline.errors import InputError
from sortline.predictions.results import Results
from sortline.predictions.tuning.candidates import best_rows, class_limits
from sortline.predictions.tuning.material import ImageFolds, Material, chance_folds, check_material, read_folds

TRAIN = coco(images=4)
ROWS = ["file_name,fold", *(f"train/{row:04}.jpg,{row % 2}" for row in range(4))]


def test_what_make_folds_writes_is_read_in_the_order_of_the_images(tmp_path):
    of_image = np.array([2, 0, 1, 0])
    outputs = fold_outputs(TRAIN, of_image, tmp_path, {}, {})
    (tmp_path / "folds.csv").write_text(outputs[tmp_path / "folds.csv"]())
    folds = read_folds(tmp_path / "folds.csv", {**TRAIN, "images": TRAIN["images"][::-1]})
    assert folds.of_image.tolist() == of_image[::-1].tolist()
    assert folds.names == ("0", "1", "2")


def test_folds_need_not_begin_at_0_nor_be_without_gaps(tmp_path):
    (tmp_path / "folds.csv").write_text(
        "\n".join(["file_name,fold", *(f"train/{row:04}.jpg,{row // 2 * 5 + 1}" for row in range(4))])
    )
    folds = read_folds(tmp_path / "folds.csv", TRAIN)
    assert folds.names == ("1", "6")
    assert folds.of_image.tolist() == [0, 0, 1, 1]


@pytest.mark.parametrize(
    ("rows", "expected"),
    [
        ([], "is empty"),
        (["image,fold", *ROWS[1:]], "begins with 'image,fold'"),
        (ROWS[:-1], "lacks 1 of the annotation file's 4 images: train/0003.jpg"),
        ([*ROWS, "train/0009.jpg,1"], "lists 1 images that the annotation file lacks: train/0009.jpg"),
        ([*ROWS, ROWS[1]], "lists 1 images more than once: train/0000.jpg"),
        ([*ROWS[:-1], "train/0003.jpg,x"], "1 lines are not a file_name and a fold from 0 on: line 5"),
        ([*ROWS[:-1], "train/0003.jpg,-1"], "line 5"),
        ([*ROWS[:-1], "train/0003.jpg"], "line 5"),
        ([row.replace("train/", "") for row in ROWS], "shares no image with the annotation file: it has 0000.jpg"),
        ([ROWS[0], *(f"train/{row:04}.jpg,3" for row in range(4))], "puts all images into fold 3"),
    ],
)
def test_a_file_that_does_not_fit_is_refused_by_name(tmp_path, rows, expected):
    path = tmp_path / "folds.csv"
    path.write_text("\n".join(rows))
    with pytest.raises(InputError) as error:
        read_folds(path, TRAIN)
    assert str(path) in str(error.value)
    assert expected in str(error.value)
    assert "make_folds.py" in str(error.value)


@given(images=st.integers(2, 40), folds=st.integers(2, 7), seed=st.integers(0, 3))
def test_chance_folds_are_of_equal_size_and_repeatable(images, folds, seed):
    annotations = coco(images=images)
    if folds > images:
        with pytest.raises(InputError, match="--groups"):
            chance_folds(annotations, folds, seed)
        return
    drawn = chance_folds(annotations, folds, seed)
    sizes = np.bincount(drawn.of_image, minlength=folds)
    assert sizes.max() - sizes.min() <= 1
    assert drawn.of_image.tolist() == chance_folds(annotations, folds, seed).of_image.tolist()


def test_a_view_leaves_out_its_fold_and_the_last_one_nothing():
    folds = chance_folds(coco(images=6), 3, seed=0)
    assert folds.views.shape == (3 + 1, 6)
    for fold in range(3):
        assert (folds.views[fold] != folds.held_out(fold)).all()
    assert folds.views[-1].all()


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
