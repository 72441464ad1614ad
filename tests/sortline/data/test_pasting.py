import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sortline.data import pasting
from sortline.data.cutouts import Patch


def factor(**changed):
    case = dict(box_wh=(40, 20), photo_wh=(400, 400), target_wh=(400, 400), jitter=1.0, max_share=0.5, min_side=4)
    return pasting.paste_factor(**{**case, **changed})


@pytest.mark.parametrize(
    ("changed", "expected"),
    [
        ({}, 1.0),
        ({"target_wh": (200, 200)}, 0.5),  # half the photo, half the object
        ({"jitter": 1.3}, 1.3),
        ({"jitter": 9.0}, 1.5),  # no more than 1.5 times its own pixels
        ({"max_share": 0.05}, 0.05 * 400 / 40),
        ({"min_side": 20}, 1.0),
        ({"min_side": 21}, None),
    ],
)
def test_size_of_a_pasted_object(changed, expected):
    assert factor(**changed) == (None if expected is None else pytest.approx(expected))


@settings(max_examples=60, deadline=None)
@given(st.tuples(st.floats(5, 60), st.floats(5, 60)), st.integers(0, 10**6))
def test_a_place_is_inside_and_hides_no_object(box_wh, seed):
    boxes = np.array([[10, 10, 40, 40], [60, 60, 95, 95]], dtype=float)
    place = pasting.choose_place(box_wh, (100, 100), boxes, 0.2, np.random.default_rng(seed))
    if place is None:
        return
    left, top = place
    assert left >= 0
    assert top >= 0
    assert left + box_wh[0] <= 100 + 1e-9
    assert top + box_wh[1] <= 100 + 1e-9
    for x1, y1, x2, y2 in boxes:
        shared = max(min(x2, left + box_wh[0]) - max(x1, left), 0) * max(min(y2, top + box_wh[1]) - max(y1, top), 0)
        assert shared <= 0.2 * (x2 - x1) * (y2 - y1) + 1e-9


def test_there_is_no_place_on_a_full_photo_or_for_a_box_larger_than_it():
    rng = np.random.default_rng(0)
    full = np.array([[0, 0, 20, 20]], dtype=float)
    assert pasting.choose_place((15, 15), (20, 20), full, 0.2, rng) is None
    assert pasting.choose_place((25, 5), (20, 20), np.zeros((0, 4)), 0.2, rng) is None


def test_a_feathered_box_is_solid_inside_and_fades_to_nothing():
    alpha = pasting.feathered_box((30, 20), (6.4, 5, 22, 15.2))
    assert (alpha[5:16, 6:22] == 1).all()
    assert alpha[0].max() < 0.05
    assert alpha[10, :7].tolist() == sorted(alpha[10, :7])
    assert (np.diff(alpha[10, 22:]) < 0).all()


def test_a_box_that_fills_its_patch_does_not_fade():
    assert (pasting.feathered_box((30, 20), (0, 0, 30, 20)) == 1).all()


def test_light_is_matched_within_bounds():
    dark, bright = np.full((2, 2, 3), 49, np.uint8), np.full((2, 2, 3), 199, np.uint8)
    gain = pasting.light_gain
    assert gain(dark, bright, 0.0) == 1.0
    assert gain(dark, np.full((2, 2, 3), 60, np.uint8), 1.0) == pytest.approx(61 / 50)
    assert gain(dark, bright, 1.0) == 1.4
    assert gain(bright, dark, 1.0) == 0.7


def test_blending_mixes_where_patch_and_image_lie_over_each_other():
    image = np.full((10, 10, 3), 100, dtype=np.uint8)
    patch = np.full((4, 4, 3), 200, dtype=np.uint8)
    pasting.blend(image, patch, np.full((4, 4), 0.25), (-2, 8), 0.0)
    expected = np.full((10, 10), 100)
    expected[8:10, 0:2] = 0.25 * 200 + 0.75 * 100
    np.testing.assert_array_equal(image[..., 0], expected)


def test_a_flipped_patch_is_flipped_with_its_box_and_mask():
    image = np.zeros((10, 20, 3), dtype=np.uint8)
    image[2:6, 3:9] = 255
    patch = pasting.resize_patch(Patch(image, (3, 2, 9, 6), image[..., 0] // 255), 2.0, flip=True)
    assert patch.image.shape == (20, 40, 3)
    # 2 x (20 - 9) to 2 x (20 - 3)
    assert patch.box_xyxy == (22, 4, 34, 12)
    assert patch.mask[4:12, 22:34].all()
    assert patch.mask.sum() == 8 * 12
