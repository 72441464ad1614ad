import numpy as np
import pytest

from sortline.errors import InputError

pytestmark = pytest.mark.mm


def transform(**settings):
    from custom_modules.transforms import CropKeepingObjects

    return CropKeepingObjects(**settings)


def test_visible_shares_are_those_of_the_area():
    from sortline.data.overlaps import visible_share

    boxes = np.array([[0, 0, 10, 10], [8, 8, 12, 12], [30, 0, 40, 10], [5, 5, 5, 9]], dtype=float)
    assert visible_share(boxes, (5, 0, 10, 20)).tolist() == [5 / 10, 2 / 4, 0.0, 0.0]


@pytest.mark.parametrize("masks", [None, "bitmap", "polygon"])
def test_crops_keep_boxes_on_their_objects_and_leave_no_slivers(masks, make_sample, boxes_fit_colours, where_colour_is):
    np.random.seed(0)
    cropped, lost = 0, 0
    for _ in range(40):
        results = transform(side_range=(0.4, 0.9), min_visible=0.8)(make_sample(masks=masks))
        boxes_fit_colours(results)
        assert results["img_shape"] == results["img"].shape[:2]
        areas = results["gt_bboxes"].areas.numpy()
        assert (areas >= 0.8 * np.array([10 * 6, 16 * 12])[results["gt_bboxes_labels"]]).all()
        cropped += results["img"].shape[:2] != (30, 40)
        lost += len(areas) < 2
        if masks:
            bitmaps = results["gt_masks"].to_ndarray()
            assert bitmaps.shape[1:] == results["img"].shape[:2]
            np.testing.assert_array_equal(bitmaps.sum(axis=(1, 2)), areas)
    assert cropped > 30
    assert 0 < lost < 40


def test_a_window_that_would_cut_objects_is_not_taken(make_sample):
    whole = make_sample(boxes_xyxy=[(1, 1, 39, 29)])
    results = transform(side_range=(0.5, 0.5), min_visible=0.9)(whole)
    assert results["img"].shape == (30, 40, 3)


@pytest.mark.parametrize(("allow_empty", "fewest"), [(False, 1), (True, 0)])
def test_a_crop_without_objects_has_to_be_allowed(allow_empty, fewest, make_sample):
    np.random.seed(0)
    crop = transform(side_range=(0.3, 0.5), allow_empty=allow_empty)
    assert min(len(crop(make_sample())["gt_bboxes"]) for _ in range(60)) == fewest


def test_a_photo_without_objects_is_cropped(make_sample):
    results = transform(side_range=(0.5, 0.5))(make_sample(boxes_xyxy=[]))
    assert results["img"].shape == (15, 20, 3)
    assert len(results["gt_bboxes"]) == 0


def test_the_seed_decides(make_sample):
    def run():
        np.random.seed(5)
        return [transform()(make_sample())["img"].shape for _ in range(5)]

    assert run() == run()


def test_settings_out_of_bounds_are_refused_together():
    with pytest.raises(InputError) as error:
        transform(side_range=(0.9, 0.2), min_visible=1.5, prob=2)
    assert [problem.where.rpartition(".")[2] for problem in error.value.problems] == [
        "side_range",
        "min_visible",
        "prob",
    ]
