import numpy as np
import pytest

from sortline.errors import InputError

pytestmark = pytest.mark.mm


def mix(first, second, **settings):
    from custom_modules.transforms import OwnSizeMixUp

    transform = OwnSizeMixUp(prob=1.0, max_cached_images=2, **settings)
    transform(first)
    transform.get_indexes = lambda cache: 0
    return transform(second)


@pytest.mark.parametrize("masks", [None, "bitmap"])
def test_both_photos_and_their_boxes_are_there_in_the_size_of_the_second(masks, make_sample):
    np.random.seed(0)
    first = make_sample((80, 60), [(8, 8, 48, 28)], background=20, masks=masks)
    second = make_sample((40, 30), [(20, 18, 36, 26)], background=100, masks=masks)
    results = mix(first, second, ratio_range=(1.0, 1.0))
    assert results["img"].shape == (30, 40, 3)
    boxes = results["gt_bboxes"].tensor.numpy()
    # The first photo is halved; without masks it may be mirrored: left and right swap in 40 pixels.
    mirrored = [40 - 48 / 2, 8 / 2, 40 - 8 / 2, 28 / 2]
    assert boxes[0].tolist() == [20, 18, 36, 26]
    assert boxes[1].tolist() in ([4, 4, 24, 14], mirrored)
    assert results["img"][0, 0].tolist() == [(20 + 100) // 2] * 3
    x1, y1, x2, y2 = boxes[1].astype(int)
    assert (results["img"][y1 + 2 : y2 - 2, x1 + 2 : x2 - 2, 0] >= (250 + 100) // 2 - 1).all()
    if masks:
        np.testing.assert_array_equal(results["gt_masks"].get_bboxes("hbox").tensor, boxes)


def test_a_photo_alone_is_handed_on(make_sample):
    from custom_modules.transforms import OwnSizeMixUp

    results = OwnSizeMixUp(prob=1.0)(make_sample())
    np.testing.assert_array_equal(results["img"], make_sample()["img"])


def test_a_range_beyond_the_photo_is_refused():
    from custom_modules.transforms import OwnSizeMixUp

    with pytest.raises(InputError, match="ratio_range"):
        OwnSizeMixUp(ratio_range=(0.5, 1.5))
