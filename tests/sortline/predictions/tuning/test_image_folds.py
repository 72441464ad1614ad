import numpy as np
import pytest
from helpers import coco
from hypothesis import given
from hypothesis import strategies as st

from sortline.data.folding.fold_files import fold_outputs
from sortline.errors import InputError
from sortline.predictions.tuning.image_folds import chance_folds, read_folds

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
