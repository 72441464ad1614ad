import numpy as np
import pytest
from PIL import Image

from sortline.data import cutouts


def annotations(rows, size_wh=(100, 80), images=1):
    return {
        "images": [
            {"id": 7 + i, "file_name": f"{i}.png", "width": size_wh[0], "height": size_wh[1]} for i in range(images)
        ],
        "categories": [{"id": 5, "name": "can"}, {"id": 3, "name": "battery"}],
        "annotations": [{"id": i, "image_id": 7, "category_id": 3, **row} for i, row in enumerate(rows)],
    }


GOOD = {"bbox": [20, 20, 30, 20]}


@pytest.mark.parametrize(
    ("rows", "found"),
    [
        ([GOOD], [0]),
        ([{**GOOD, "iscrowd": 1}], []),
        ([{**GOOD, "pseudo": True, "weight": 0.6}], []),
        ([{"bbox": [20, 20, 30, 9]}], []),  # lower than 10
        ([{"bbox": [0, 20, 30, 20]}], []),  # cut off at the left
        ([{"bbox": [69, 20, 30, 20]}], []),  # cut off at the right, 100 wide
        # A fifth of the first lies below the second; a tenth would do.
        ([GOOD, {"bbox": [44, 20, 40, 20]}], []),
        ([GOOD, {"bbox": [47, 20, 40, 20]}], [0, 1]),
        ([{**GOOD, "segmentation": [[20, 20, 50, 20, 50, 40]]}, {"bbox": [44, 20, 40, 20]}], [0]),
    ],
)
def test_objects_fit_for_pasting(rows, found):
    objects = cutouts.find_cutouts(annotations(rows), min_side=10)
    starts = [row["bbox"][0] for row in rows]
    assert [starts.index(cutout.box_xyxy[0]) for cutout in objects] == found
    assert {cutout.label for cutout in objects} <= {1}


def test_a_patch_holds_its_object_and_some_of_what_is_around_it(tmp_path):
    image = np.full((80, 100, 3), 40, dtype=np.uint8)
    image[20:40, 20:50] = (200, 0, 0)  # RGB
    Image.fromarray(image).save(tmp_path / "0.png")
    (cutout,) = cutouts.find_cutouts(annotations([GOOD]), min_side=10)
    patch = cutouts.read_patch(cutout, tmp_path)
    # A margin of 0.15 x (30 + 20) / 2 = 3.75, in whole pixels
    assert patch.image.shape == (20 + 2 * 4, 30 + 2 * 4, 3)
    assert patch.box_xyxy == (4, 4, 34, 24)
    assert (patch.image[4:24, 4:34] == (0, 0, 200)).all()
    assert (patch.image[:4] == 40).all()


@pytest.mark.parametrize("form", ["polygons", "counts", "compressed"])
def test_segmentations_become_masks(form):
    from pycocotools import mask as coco_mask

    expected = np.zeros((8, 10), dtype=np.uint8)
    expected[2:5, 3:7] = 1
    runs = coco_mask.encode(np.asfortranarray(expected))
    segmentation = {
        "polygons": [[3, 2, 7, 2, 7, 5, 3, 5]],
        # Column by column: three of 8, then 2 and 3 in each of four, then the rest
        "counts": {"size": [8, 10], "counts": [3 * 8 + 2, 3, 5, 3, 5, 3, 5, 3, 3 + 3 * 8]},
        "compressed": {**runs, "counts": runs["counts"].decode()},
    }[form]
    np.testing.assert_array_equal(cutouts.decode_segmentation(segmentation, (10, 8)), expected)


def test_the_cache_keeps_within_its_limit_and_what_was_used_last(tmp_path):
    Image.fromarray(np.zeros((80, 100, 3), dtype=np.uint8)).save(tmp_path / "0.png")
    (cutout,) = cutouts.find_cutouts(annotations([GOOD]), min_side=10)
    one = cutouts.read_patch(cutout, tmp_path).nbytes
    cache = cutouts.PatchCache(tmp_path, 2 * one)
    for number in (0, 1, 0, 2):
        cache.get(number, cutout)
    assert list(cache.patches) == [0, 2]
    assert cache.nbytes == 2 * one


def test_rare_classes_weigh_what_repeat_factors_would_add():
    content = annotations([], images=100)
    rows = [(7 + image, 5) for image in range(50)] + [(7, 3), (7, 3), (8, 3), (9, 3)]
    content["annotations"] = [
        {"id": i, "image_id": image, "category_id": category, "bbox": GOOD["bbox"]}
        for i, (image, category) in enumerate(rows)
    ]
    # Batteries: 4 on 3 of 100 images, repeated sqrt(0.12 / 0.03) = 2 times; cans are in half of the images.
    assert cutouts.rare_class_weights(content, 0.12) == {"battery": pytest.approx((2 - 1) * 4)}
    assert cutouts.rare_class_weights(content, 0.03) == {}
