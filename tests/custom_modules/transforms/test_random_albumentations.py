import numpy as np
import pytest

from sortline.errors import InputError

pytestmark = pytest.mark.mm


def transform(*transforms, **settings):
    pytest.importorskip("albumentations")
    from custom_modules.transforms import RandomAlbumentations

    return RandomAlbumentations([{"p": 1.0, **step} for step in transforms], **settings)


def test_draws_follow_numpys_seed(make_sample):
    noise = transform(dict(type="OneOf", transforms=[dict(type="GaussNoise", p=1.0), dict(type="MotionBlur", p=1.0)]))

    def run():
        np.random.seed(3)
        return [noise(make_sample())["img"] for _ in range(3)]

    first, second = run(), run()
    np.testing.assert_array_equal(first, second)
    assert (first[0] != first[1]).any()


def test_colours_are_given_as_rgb(make_sample):
    """The blue object of a BGR photo, turned grey, has the luma of blue: 0.114, not red's 0.299."""
    results = transform(dict(type="ToGray"))(make_sample(boxes_xyxy=[(5, 5, 20, 20)]))
    assert results["img"][10, 10].tolist() == pytest.approx([0.114 * 250] * 3, abs=1)


def test_pixel_transforms_leave_objects_alone(make_sample, boxes_fit_colours):
    before = make_sample(masks="polygon")
    results = transform(dict(type="CLAHE"))(make_sample(masks="polygon"))
    np.testing.assert_array_equal(results["gt_bboxes"].tensor, before["gt_bboxes"].tensor)
    assert type(results["gt_masks"]) is type(before["gt_masks"])


@pytest.mark.parametrize("masks", ["bitmap", "polygon"])
def test_moved_pixels_take_boxes_labels_and_masks_along(masks, make_sample, boxes_fit_colours):
    results = transform(dict(type="Crop", x_min=16, y_min=0, x_max=40, y_max=30))(make_sample(masks=masks))
    assert results["gt_bboxes_labels"].tolist() == [1]
    assert results["gt_bboxes_labels"].dtype == np.int64
    assert results["gt_bboxes"].tensor.tolist() == [[20 - 16, 15, 36 - 16, 27]]
    assert results["gt_masks"].masks.shape == (1, 30, 24)
    boxes_fit_colours(results)
    np.testing.assert_array_equal(results["gt_masks"].get_bboxes("hbox").tensor, results["gt_bboxes"].tensor)


def test_boxes_beyond_the_photo_are_clipped(make_sample):
    sample = make_sample()
    sample["gt_bboxes"].tensor[0] = sample["gt_bboxes"].tensor[0].new_tensor([-3.0, -2.0, 14.0, 12.0])
    results = transform(dict(type="HorizontalFlip"))(sample)
    np.testing.assert_allclose(results["gt_bboxes"].tensor[0], [40 - 14, 0, 40, 12], atol=1e-4)


@pytest.mark.parametrize("masks", [None, "bitmap"])
def test_photos_without_objects_pass(masks, make_sample):
    results = transform(dict(type="HorizontalFlip"))(make_sample(boxes_xyxy=[], masks=masks))
    assert results["gt_bboxes"].tensor.shape == (0, 4)
    assert results["gt_bboxes_labels"].dtype == np.int64


def test_unknown_names_and_arguments_are_refused_together():
    with pytest.raises(InputError) as error:
        transform(dict(type="MotionBlurr"), dict(type="OneOf", transforms=[dict(type="Nothing")]))
    assert "did you mean 'MotionBlur'" in str(error.value)
    assert [problem.where.partition(".")[2] for problem in error.value.problems] == [
        "transforms.0",
        "transforms.1.transforms.0",
    ]


def test_without_the_library_it_says_what_to_do(monkeypatch):
    import sys

    from custom_modules.transforms import RandomAlbumentations

    monkeypatch.setitem(sys.modules, "albumentations", None)
    with pytest.raises(InputError, match="recipe_albumentations = None"):
        RandomAlbumentations([dict(type="CLAHE")])
