"""Each recipe as it stands in configs/_base_/recipes, run on a drawn photo: what it does to pixels and boxes."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from helpers import ROOT

pytestmark = pytest.mark.mm


def recipe(name: str) -> dict[str, Any]:
    from mmengine.config import Config

    cfg = Config.fromfile(ROOT / f"configs/_base_/recipes/{name}.py", import_custom_modules=False)
    return cfg._cfg_dict[f"recipe_{name}"].to_dict()


def pipeline(name: str, slot: str):
    from mmengine.dataset import Compose

    import custom_modules.register_all  # noqa: F401

    steps = recipe(name)[slot]
    return Compose([steps] if isinstance(steps, dict) else steps)


@pytest.fixture
def large(make_sample):
    """A photo of 160 x 120 with two objects."""

    def make(**settings):
        return make_sample((160, 120), [(20, 20, 60, 50), (90, 60, 150, 110)], **settings)

    return make


def test_multi_scale_yields_all_its_sizes_with_boxes_on_the_objects(large, boxes_fit_colours):
    np.random.seed(0)
    resize = pipeline("multi_scale", "resize")
    widths = set()
    for _ in range(60):
        results = resize(large())
        width = results["img"].shape[1]
        if width not in widths:
            boxes_fit_colours(results, slack=6)  # edges are blurred over half an original pixel: 8 / 2 at 1280
        widths.add(width)
    assert widths == set(range(640, 1281, 64))


def test_random_crop_crops_about_half_of_the_photos(large, boxes_fit_colours):
    np.random.seed(0)
    crop = pipeline("random_crop", "crop")
    shapes = []
    for _ in range(60):
        results = crop(large())
        boxes_fit_colours(results)
        shapes.append(results["img"].shape[:2])
    assert 10 <= sum(shape != (120, 160) for shape in shapes) <= 50


@pytest.mark.parametrize("name", ["mosaic", "mixup"])
def test_mixed_photos_keep_the_size_and_get_more_boxes(name, large):
    np.random.seed(0)
    mix = pipeline(name, "mix")
    counts = []
    for _ in range(40):
        results = mix(large())
        assert results["img"].shape == (120, 160, 3)
        assert results["img"].dtype == np.uint8
        counts.append(len(results["gt_bboxes"]))
    assert max(counts) > 2
    assert counts.count(2) > 5  # half of the photos stay as they are
    assert recipe(name)["last_epochs_without"] == 2


def test_flips_and_rotations_give_all_eight_positions(large, boxes_fit_colours):
    np.random.seed(0)
    turn = pipeline("flips_and_rotations", "flip")
    seen = set()
    for _ in range(120):
        results = turn(large(masks="bitmap"))
        boxes_fit_colours(results)
        np.testing.assert_array_equal(results["gt_masks"].get_bboxes("hbox").tensor, results["gt_bboxes"].tensor)
        seen.add((results["img"].shape[0], *results["gt_bboxes"].tensor[0].tolist()))
    assert len(seen) == 8


def test_photometric_changes_colours_only_and_yields_whole_pixel_values(large):
    np.random.seed(0)
    change = pipeline("photometric", "color")
    before = large()
    changed = [change(large()) for _ in range(20)]
    assert all(results["img"].dtype == np.uint8 for results in changed)
    assert len({results["img"].tobytes() for results in changed}) > 10
    for results in changed:
        np.testing.assert_array_equal(results["gt_bboxes"].tensor, before["gt_bboxes"].tensor)
        # One colour stays one colour.
        assert np.ptp(results["img"][20:50, 20:60], axis=(0, 1)).max() == 0


def test_rand_augment_moves_boxes_with_objects_and_keeps_them_tight(large):
    """A box may be looser than its object, by turning 10 degrees, but not elsewhere."""
    np.random.seed(0)
    change = pipeline("rand_augment", "color")
    moved = 0
    for _ in range(60):
        results = change(large())
        boxes = results["gt_bboxes"].tensor.numpy()
        assert len(boxes) == len(results["gt_bboxes_labels"])
        assert (boxes[:, 2:] - boxes[:, :2] > 1).all()
        moved += len(boxes) < 2 or not np.allclose(boxes, large()["gt_bboxes"].tensor)
        for box, label in zip(boxes, results["gt_bboxes_labels"].tolist(), strict=True):
            hue = results["img"].astype(int)[..., label] - results["img"].astype(int).min(axis=2)
            x1, y1, x2, y2 = np.rint(box).astype(int)
            assert hue[y1:y2, x1:x2].mean() > 30, "the box is not on its object"
            hue[max(y1 - 2, 0) : y2 + 2, max(x1 - 2, 0) : x2 + 2] = 0
            assert (hue > 60).mean() < 0.001, "some of the object is outside of its box"
    assert moved > 10


def test_albumentations_make_photos_worse_and_leave_boxes(large):
    pytest.importorskip("albumentations")
    np.random.seed(0)
    change = pipeline("albumentations", "color")
    before = large()
    changed = [change(large()) for _ in range(30)]
    assert 5 < sum((results["img"] != before["img"]).any() for results in changed) < 30
    for results in changed:
        np.testing.assert_array_equal(results["gt_bboxes"].tensor, before["gt_bboxes"].tensor)


def test_cutout_hides_parts_and_drops_boxes_of_hidden_objects(make_sample):
    np.random.seed(0)
    erase = pipeline("cutout", "erase")
    dropped = 0
    for _ in range(150):
        results = erase(make_sample((160, 120), [(20, 20, 32, 30), (90, 60, 150, 110)]))
        grey = (results["img"] == 114).all(axis=2)
        assert 0 < grey.sum() <= 4 * (0.2 * 160) * (0.2 * 120)
        labels = results["gt_bboxes_labels"].tolist()
        dropped += 0 not in labels
        if 0 in labels:
            assert grey[20:30, 20:32].mean() < 0.7
    assert dropped > 0


def test_copy_paste_is_bound_to_the_training_file(tmp_path):
    """What it reads is the train loader's own file: with a held-out part, the rest."""
    from sortline.pipeline.bind import bind
    from sortline.pipeline.compose import load_config

    cfg = load_config(ROOT / "configs/augment/atss_r50_fpn-copy-paste_1x_recycle.py")
    cfg.data_root, cfg.ann_files.train = str(tmp_path), "folds/fold_1_train.json"
    bind(cfg)
    step = next(step for step in cfg.train_dataloader.dataset.pipeline if step.type == "PasteObjects")
    assert (step.data_root, step.ann_file) == (str(tmp_path), "folds/fold_1_train.json")
    late = next(hook for hook in cfg.custom_hooks if hook.get("last_epochs"))
    assert "PasteObjects" not in [step.type for step in late.switch_pipeline]


def test_strong_recipes_together_keep_objects_in_their_boxes(large):
    """Mosaic, mixup, crop, turns, light, squares: floats, empty photos and sizes don't get in each other's way."""
    np.random.seed(0)
    steps = [
        pipeline(name, slot)
        for name, slot in [
            ("mosaic", "mix"),
            ("mixup", "mix"),
            ("random_crop", "crop"),
            ("flips_and_rotations", "flip"),
            ("photometric", "color"),
            ("rand_augment", "color"),
            ("cutout", "erase"),
        ]
    ]
    for _ in range(40):
        results = large()
        for step in steps:
            results = step(results)
        height, width = results["img"].shape[:2]
        boxes = results["gt_bboxes"].tensor.numpy()
        assert len(boxes) == len(results["gt_bboxes_labels"]) == len(results["gt_ignore_flags"])
        assert results["img_shape"] == (height, width)
        assert (boxes[:, :2] >= 0).all()
        assert (boxes[:, 2:] <= (width, height)).all()
        assert (boxes[:, 2:] > boxes[:, :2]).all()
