import json

import numpy as np
import pytest
from PIL import Image

from sortline.errors import InputError

pytestmark = pytest.mark.mm

RED_BGR = (30, 20, 220)
CLASSES = ["can", "paper", "pack", "battery"]


@pytest.fixture
def data(tmp_path):
    """Twelve photos of cans; one of them has a red battery too, with or without its outline."""

    def write(segmentation=None):
        image = np.full((60, 80, 3), 90, dtype=np.uint8)
        image[20:36, 30:60] = RED_BGR[::-1]
        rows = [(index, 0, [2, 2, 8, 8]) for index in range(12)] + [(0, 3, [30, 20, 30, 16])]
        content = {
            "images": [{"id": i, "file_name": f"{i}.png", "width": 80, "height": 60} for i in range(12)],
            "categories": [{"id": i, "name": name} for i, name in enumerate(CLASSES)],
            "annotations": [
                {"id": i, "image_id": image_id, "category_id": category, "bbox": bbox}
                for i, (image_id, category, bbox) in enumerate(rows)
            ],
        }
        if segmentation:
            content["annotations"][-1]["segmentation"] = segmentation
        Image.fromarray(image).save(tmp_path / "0.png")
        (tmp_path / "train.json").write_text(json.dumps(content))
        return tmp_path

    return write


def paste(root, **settings):
    from custom_modules.transforms import PasteObjects

    defaults = dict(ann_file="train.json", data_root=str(root), prob=1.0, max_objects=1, min_side=6.0, match_light=0.0)
    return PasteObjects(**{**defaults, **settings})


def test_the_rare_object_lies_in_its_new_box(data, make_sample, where_colour_is):
    transform = paste(data())
    np.random.seed(0)
    places = set()
    for _ in range(25):
        results = transform(make_sample((160, 120), [(10, 10, 50, 40), (100, 70, 140, 100)]))
        boxes, labels = results["gt_bboxes"].tensor.numpy(), results["gt_bboxes_labels"]
        assert labels.tolist() == [0, 1, 3]
        assert results["gt_ignore_flags"].tolist() == [False] * 3
        box = boxes[2]
        width, height = box[2:] - box[:2]
        # In a photo of twice the sides an object of 30 x 16 is 60 x 32, at most 1.5 times and jittered from 0.7 on.
        assert 0.7 * 2 * 30 - 2 <= width <= 1.5 * 30 + 2
        assert width / height == pytest.approx(30 / 16, rel=0.06)
        inside = results["img"][int(np.ceil(box[1])) + 1 : int(box[3]) - 1, int(np.ceil(box[0])) + 1 : int(box[2]) - 1]
        assert (np.abs(inside.astype(int) - RED_BGR) <= 2).all()
        np.testing.assert_allclose(where_colour_is(results["img"], RED_BGR, 3), box, atol=1.5)
        assert box.min() >= 0
        assert (box[2:] <= (160, 120)).all()
        places.add(tuple(box.tolist()))
    assert len(places) == 25


def test_no_object_is_hidden(data, make_sample):
    from sortline.data.overlaps import visible_share

    transform = paste(data(), max_objects=4, max_covered=0.1)
    np.random.seed(0)
    for _ in range(20):
        boxes = transform(make_sample((160, 120), [(40, 30, 120, 90)]))["gt_bboxes"].tensor.numpy().astype(float)
        for index, box in enumerate(boxes[1:], 1):
            # A pixel's rounding may move the patch
            assert (visible_share(boxes[:index], box) <= 0.1 + 0.06).all()


def test_a_photo_without_room_stays_as_it_is(data, make_sample):
    whole = make_sample((80, 60), [(0, 0, 80, 60)])
    before = whole["img"].copy()
    results = paste(data(), max_covered=0.01)(whole)
    np.testing.assert_array_equal(results["img"], before)
    assert len(results["gt_bboxes"]) == 1


def test_masks_are_cut_out_and_those_below_lose_what_is_hidden(data, make_sample):
    # A triangle: half of the box
    transform = paste(data(segmentation=[[30, 20, 60, 20, 30, 36]]), max_covered=1.0)
    np.random.seed(2)
    for masks in ("bitmap", "polygon"):
        results = transform(make_sample((80, 60), [(0, 0, 80, 60)], masks=masks))
        below, pasted = results["gt_masks"].masks
        x1, y1, x2, y2 = results["gt_bboxes"].tensor[1].tolist()
        assert pasted.sum() == pytest.approx(0.5 * (x2 - x1) * (y2 - y1), rel=0.12)
        assert below.sum() == 60 * 80 - pasted.sum()
        assert not (below & pasted).any()
        core = pasted.astype(bool) & (np.abs(results["img"].astype(int) - RED_BGR) <= 4).all(axis=2)
        assert core.sum() > 0.6 * pasted.sum()
        # The other half of the box still shows the object below, not the battery's surroundings.
        assert (results["img"][below.astype(bool)][:, 0] > 200).mean() > 0.95


def test_without_a_segmentation_nothing_is_pasted_among_masks(data, make_sample):
    results = paste(data())(make_sample((80, 60), masks="bitmap"))
    assert len(results["gt_bboxes"]) == len(results["gt_masks"]) == 2


def test_the_seed_decides_and_the_chance_counts(data, make_sample):
    transform = paste(data(), prob=0.3)

    def run(seed):
        np.random.seed(seed)
        return [len(transform(make_sample((80, 60), [(0, 0, 5, 5)]))["gt_bboxes"]) for _ in range(200)]

    assert run(4) == run(4)
    # Four standard deviations of the binomial
    assert abs(np.mean(run(4)) - 1 - 0.3) < 4 * (0.3 * 0.7 / 200) ** 0.5


def test_the_photo_in_memory_is_not_written_to(data, make_sample):
    sample = make_sample((80, 60), [(0, 0, 5, 5)])
    image, before = sample["img"], sample["img"].copy()
    results = paste(data())(sample)
    assert (results["img"] != before).any()
    np.testing.assert_array_equal(image, before)


@pytest.mark.parametrize(
    ("classes", "weights"),
    [("rare", {3: 1.0}), (["can", "battery"], {0: 0.5, 3: 0.5}), ({"can": 3, "battery": 1}, {0: 0.75, 3: 0.25})],
)
def test_classes_are_drawn_by_weight(classes, weights, data):
    assert paste(data(), classes=classes).draw_weights == pytest.approx(weights)


def test_data_without_rare_classes_stays_as_it_is(data, make_sample):
    results = paste(data(), rare_thr=0.01)(make_sample())
    assert len(results["gt_bboxes"]) == 2


def test_it_can_be_sent_to_a_worker(data, make_sample):
    import pickle

    transform = pickle.loads(pickle.dumps(paste(data())))
    assert len(transform(make_sample((80, 60), [(0, 0, 5, 5)]))["gt_bboxes"]) == 2


@pytest.mark.parametrize(
    ("settings", "words"),
    [
        (
            dict(ann_file=None, prob=1.5, max_objects=0, scale_range=(2, 1)),
            ["ann_file", "prob", "max_objects", "scale"],
        ),
        (dict(classes=["batery"]), ["did you mean 'battery'"]),
        (dict(classes={"battery": 0}), ["is not above 0"]),
        (dict(metainfo=dict(classes=["can", "glass"])), ["glass"]),
        (dict(ann_file="no.json"), ["no such file"]),
    ],
)
def test_bad_settings_are_refused_together(settings, words, data):
    with pytest.raises(InputError) as error:
        paste(data(), **settings)
    assert all(word in str(error.value) for word in words)
