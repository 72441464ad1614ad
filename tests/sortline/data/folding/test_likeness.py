import numpy as np
import pytest
from helpers import coco

from sortline.data.describe.statistics import box_table
from sortline.data.folding.likeness import ImageSet, describe_choice, most_like
from sortline.data.photo_scan import FACTS, PhotoScan


def image_set(widths, brightness=None):
    """Images of the given widths without boxes; ``brightness`` stands for their photos."""
    data = coco(images=len(widths), boxes=False)
    for image, width in zip(data["images"], widths, strict=True):
        image["width"] = width
    scan = None
    if brightness is not None:
        facts = np.zeros(len(widths), dtype=FACTS)
        facts["brightness"] = brightness
        scan = PhotoScan([image["file_name"] for image in data["images"]], [""] * len(widths), facts)
    return ImageSet(box_table(data), scan)


#: By seed, which of four images are validated on.
SPLITS = {3: [1, 1, 0, 0], 4: [0, 1, 1, 0], 5: [0, 0, 1, 1]}


def choose(ours, theirs):
    return most_like(lambda seed: np.array(SPLITS[seed]), [1], list(SPLITS), ours, theirs)


def test_the_split_with_test_like_sizes_wins():
    likeness = choose(image_set([100, 100, 500, 500]), image_set([500, 500]))
    assert likeness.seed == 5
    # Seed 3 validates on 100 px only, a gap of 1; seed 4 on one of each, a gap of 1/2; heights are equal.
    assert likeness.gaps == {3: (1 + 0) / 2, 4: (0.5 + 0) / 2, 5: 0.0}
    assert likeness.differing == ["image width (px)"]
    assert likeness.same == ["image height (px)"]


def test_the_split_with_test_like_photos_wins():
    likeness = choose(image_set([64] * 4, [10, 200, 200, 10]), image_set([64] * 2, [200, 200]))
    assert likeness.seed == 4
    assert "brightness" in likeness.differing


def test_every_fold_counts():
    # Whatever the seed, one fold is bright and one dark, so both folds together are equally far from the test set.
    splits = {0: [0, 0, 1, 1], 1: [1, 1, 0, 0]}
    ours, theirs = image_set([64] * 4, [10, 10, 200, 200]), image_set([64], [200])
    likeness = most_like(lambda seed: np.array(splits[seed]), [0, 1], [0, 1], ours, theirs)
    assert likeness.gaps[0] == likeness.gaps[1]
    assert not likeness.is_a_choice


def test_boxes_go_with_their_images():
    data = coco(images=4)
    for row in data["annotations"]:
        row["bbox"][2:] = [10, 10] if row["image_id"] < 2 else [30, 30]
    other = coco("test", images=2)
    ours, theirs = (ImageSet(box_table(content), None) for content in (data, other))
    likeness = choose(ours, theirs)
    # The test boxes are 30 x 20, nearer to 30 x 30 in no distribution, but of classes 0 and 1 as in images 0, 1 and 3.
    assert {"images with General trash", "box size (px)"} <= set(likeness.differing)
    assert likeness.seed == min(likeness.gaps, key=likeness.gaps.get)
    assert likeness.is_a_choice


def test_nothing_to_choose_by_is_said():
    likeness = choose(image_set([64] * 4), image_set([64] * 2))
    assert likeness.seed == 3
    (text,) = describe_choice(likeness, "test.json", "none of the 4 photos is below data")
    assert text.startswith("likeness to test.json can't choose among the seeds: image width (px), image height (px)")
    assert text.endswith("photos were not compared: none of the 4 photos is below data")


def test_the_choice_in_words():
    likeness = choose(image_set([100, 100, 500, 500]), image_set([500, 500]))
    compared, chosen = describe_choice(likeness, "test.json", "")
    assert compared == "compared with test.json: image width (px); the same in both: image height (px)"
    assert chosen.startswith("seed 5 is most like it of 3: mean gap 0.0000, up to 0.5000 for others")
    assert likeness.gaps[5] == pytest.approx(0)
