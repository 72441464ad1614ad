import numpy as np
import pytest

from sortline.errors import InputError

pytestmark = pytest.mark.mm


def test_a_corner_goes_where_it_should(make_sample):
    """Counterclockwise: what was at the right of a 40 x 30 photo comes to the top of one of 30 x 40."""
    from custom_modules.transforms import RandomRotate90

    results = RandomRotate90().turn(make_sample(boxes_xyxy=[(30, 0, 40, 5)]))
    assert results["img"].shape == (40, 30, 3)
    assert results["img_shape"] == (40, 30)
    # x' = y from 0 to 5, y' = 40 - x from 40 - 40 to 40 - 30
    assert results["gt_bboxes"].tensor.tolist() == [[0.0, 0.0, 5.0, 10.0]]
    assert (results["img"][:10, :5] == (250, 0, 0)).all()
    assert (results["img"][10:] == 60).all()
    corner = results["homography_matrix"] @ [40, 0, 1]
    assert corner.tolist() == [0.0, 0.0, 1.0]


@pytest.mark.parametrize("masks", ["bitmap", "polygon"])
def test_boxes_and_masks_stay_exact_under_every_turn(masks, make_sample, boxes_fit_colours):
    from custom_modules.transforms import RandomRotate90

    results = make_sample(masks=masks)
    before = {key: results[key] for key in ("img", "gt_bboxes")}
    for _ in range(4):
        RandomRotate90().turn(results)
        boxes_fit_colours(results)
        assert results["gt_masks"].to_ndarray().shape == (2, *results["img"].shape[:2])
        boxes = results["gt_masks"].get_bboxes("hbox").tensor
        np.testing.assert_array_equal(boxes, results["gt_bboxes"].tensor)
    np.testing.assert_array_equal(results["img"], before["img"])
    np.testing.assert_array_equal(results["gt_bboxes"].tensor, before["gt_bboxes"].tensor)
    np.testing.assert_array_equal(results["homography_matrix"], np.eye(3))


def test_all_four_positions_are_equally_likely(make_sample):
    from custom_modules.transforms import RandomRotate90

    np.random.seed(0)
    draws = 800
    boxes = [tuple(RandomRotate90()(make_sample())["gt_bboxes"].tensor[0].tolist()) for _ in range(draws)]
    counts = [boxes.count(box) for box in set(boxes)]
    assert len(counts) == 4
    # Five standard deviations of the binomial
    assert all(abs(count / draws - 1 / 4) < 5 * (1 / 4 * 3 / 4 / draws) ** 0.5 for count in counts)


def test_without_objects_the_photo_is_turned(make_sample):
    from custom_modules.transforms import RandomRotate90

    results = RandomRotate90().turn(make_sample(boxes_xyxy=[], masks="bitmap"))
    assert results["gt_bboxes"].tensor.shape == (0, 4)
    assert results["gt_masks"].masks.shape == (0, 40, 30)


def test_a_probability_above_1_is_refused():
    from custom_modules.transforms import RandomRotate90

    with pytest.raises(InputError, match="probability from 0 to 1"):
        RandomRotate90(prob=75)
