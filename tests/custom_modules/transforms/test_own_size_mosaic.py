import numpy as np
import pytest

from sortline.errors import InputError

pytestmark = pytest.mark.mm

SHADES = (10, 60, 110, 160, 210)


def fill(mosaic, make_sample, **settings):
    """Hand in five photos, each of its own grey with one object; the fifth comes back as a mosaic."""
    for shade in SHADES[:-1]:
        untouched = mosaic(make_sample(background=shade, **settings))
        assert (untouched["img"] == shade).any()
        assert len(untouched["gt_bboxes"]) == 1
    return mosaic(make_sample(background=SHADES[-1], **settings))


@pytest.mark.parametrize("size", [(40, 40), (60, 40), (40, 60)])
def test_four_photos_are_in_the_size_of_one(size, make_sample):
    from custom_modules.transforms import OwnSizeMosaic

    np.random.seed(0)
    mosaic = OwnSizeMosaic(ratio_range=(0.5, 0.5), center_range=(0.5, 0.5), max_cached_images=5)
    results = fill(mosaic, make_sample, size_wh=size, boxes_xyxy=[(10, 10, 30, 20)])
    assert results["img"].shape == (size[1], size[0], 3)
    assert results["img_shape"] == (size[1], size[0])
    # At half their size all four photos fit, each in its quarter.
    quarters = [results["img"][y, x, 0] for y in (2, size[1] - 3) for x in (2, size[0] - 3)]
    assert quarters[0] == SHADES[-1]
    assert set(quarters) <= set(SHADES)
    # An object at (10, 10, 30, 20) of each photo is at half of that in its quarter.
    width, height = size
    corners = [(0, 0), (width / 2, 0), (0, height / 2), (width / 2, height / 2)]
    expected = [[x + 10 / 2, y + 10 / 2, x + 30 / 2, y + 20 / 2] for x, y in corners]
    np.testing.assert_allclose(results["gt_bboxes"].tensor, expected, atol=0.01)
    for x1, y1, x2, y2 in np.rint(expected).astype(int):
        assert (results["img"][y1 + 1 : y2 - 1, x1 + 1 : x2 - 1, 0] > 240).all()


def test_masks_follow_their_boxes(make_sample):
    from custom_modules.transforms import OwnSizeMosaic

    np.random.seed(1)
    mosaic = OwnSizeMosaic(max_cached_images=5)
    settings = dict(size_wh=(60, 40), boxes_xyxy=[(10, 10, 30, 20)], masks="bitmap")
    fill(mosaic, make_sample, **settings)
    for _ in range(20):
        results = mosaic(make_sample(**settings))
        assert results["gt_masks"].masks.shape == (len(results["gt_bboxes"]), 40, 60)
        boxes = results["gt_masks"].get_bboxes("hbox").tensor
        np.testing.assert_allclose(boxes, results["gt_bboxes"].tensor, atol=1.5)


def test_objects_of_which_little_is_left_lose_their_box(make_sample):
    from custom_modules.transforms import OwnSizeMosaic

    np.random.seed(0)
    mosaic = OwnSizeMosaic(ratio_range=(1.0, 1.0), min_visible=0.5, max_cached_images=5)
    fill(mosaic, make_sample, boxes_xyxy=[(10, 10, 30, 20)])
    for _ in range(30):
        areas = mosaic(make_sample(boxes_xyxy=[(10, 10, 30, 20)]))["gt_bboxes"].areas
        assert (areas > 0.5 * 20 * 10 - 1e-3).all()


def test_the_window_stays_on_the_canvas():
    from custom_modules.transforms.own_size_mosaic import mosaic_window

    for zoom in (0.5, 0.7, 1.0):
        for center in ((0.0, 0.0), (1.0, 1.0), (0.25, 0.75)):
            left, top, right, bottom = mosaic_window((60, 40), 60, zoom, center)
            assert 0 <= left < right <= 120
            assert 0 <= top < bottom <= 120
            assert (right - left, bottom - top) == (min(round(60 / zoom), 120), round(40 / zoom))


def test_settings_out_of_bounds_are_refused_together():
    from custom_modules.transforms import OwnSizeMosaic

    with pytest.raises(InputError) as error:
        OwnSizeMosaic(ratio_range=(0.2, 1.0), center_range=(0.9, 0.1), min_visible=1.0)
    assert len(error.value.problems) == 3
