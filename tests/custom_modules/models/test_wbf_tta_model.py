"""Boxes of every view come back to the photo, and views are merged as an ensemble's members are."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from mmdet.registry import MODELS
from mmdet.structures import DetDataSample
from mmengine.config import ConfigDict
from mmengine.dataset import Compose, pseudo_collate
from mmengine.model import BaseModel
from mmengine.runner.checkpoint import load_state_dict
from mmengine.structures import InstanceData
from PIL import Image, ImageDraw

import custom_modules.register_all  # noqa: F401
from custom_modules.models.wbf_tta_model import WBFTTAModel, unflipped, view_results
from sortline.errors import InputError
from sortline.pipeline.tta import FLIPS, TtaSettings, with_views

pytestmark = pytest.mark.mm

WIDTH, HEIGHT = 90, 67
BOX = [13.0, 22.0, 51.0, 41.0]  # off the middle in both directions, so that no flip maps it to itself
LOADING = [dict(type="LoadImageFromFile"), dict(type="LoadAnnotations", with_bbox=True)]
#: Whatever brings a photo to the size of the input: sizes that divide nothing evenly, padding of each kind.
GEOMETRIES = {
    "keep_ratio": [dict(type="Resize", scale=(121, 97), keep_ratio=True)],
    "stretch": [dict(type="Resize", scale=(101, 143), keep_ratio=False)],
    "factor": [dict(type="Resize", scale_factor=1.37, keep_ratio=True)],
    "shortest_edge": [dict(type="ResizeShortestEdge", scale=80, max_size=113)],
    "fixed_shape": [dict(type="FixShapeResize", width=150, height=140, keep_ratio=True)],
    "pad_to_size": [
        dict(type="Resize", scale=(128, 128), keep_ratio=True),
        dict(type="Pad", size=(128, 160), pad_val=dict(img=(114, 114, 114))),
    ],
    "pad_to_square": [
        dict(type="Resize", scale=(128, 96), keep_ratio=True),
        dict(type="Pad", pad_to_square=True, pad_val=dict(img=(114.0, 114.0, 114.0))),
    ],
    "pad_to_divisor": [dict(type="Resize", scale=(99, 99), keep_ratio=True), dict(type="Pad", size_divisor=32)],
}
by_geometry = pytest.mark.parametrize("geometry", GEOMETRIES.values(), ids=GEOMETRIES)


class FakeDetector(BaseModel):
    """Finds one box in each image of a batch and returns it as mmdet's heads do: divided by the scale factor."""

    def __init__(self, find: Callable[[torch.Tensor, DetDataSample], Any]) -> None:
        super().__init__()
        self.find = find

    def forward(self, inputs: Sequence[torch.Tensor], data_samples: list[DetDataSample], mode: str) -> list[Any]:
        for image, sample in zip(inputs, data_samples, strict=True):
            bboxes = torch.as_tensor(self.find(image, sample), dtype=torch.float32).reshape(-1, 4)
            sample.pred_instances = InstanceData(
                bboxes=bboxes / bboxes.new_tensor(sample.scale_factor).repeat(2),
                scores=torch.full((len(bboxes),), 0.9),
                labels=torch.full((len(bboxes),), 3),
            )
        return data_samples


def true_box(image: torch.Tensor, sample: DetDataSample) -> torch.Tensor:
    """Return the annotated box as the pipeline's own transforms have moved it."""
    return sample.gt_instances.bboxes.tensor


def seen_box(image: torch.Tensor, sample: DetDataSample) -> list[float]:
    """Find the white rectangle in the pixels: where the profile through its middle crosses half of white."""
    pixels = image[0].float().numpy()
    row, column = (int(np.median(found)) for found in np.nonzero(pixels > 200))
    left, right = crossings(pixels[row])
    top, bottom = crossings(pixels[:, column])
    return [left, top, right, bottom]


def crossings(profile: np.ndarray) -> tuple[float, float]:
    """Return where a profile rises above half of white and where it falls below, between pixel centres."""
    half = 184.5  # between white and the grey of padding, which the photo's ground has too
    inside = np.flatnonzero(profile > half)
    first, last = inside[0], inside[-1]
    rise = (half - profile[first - 1]) / (profile[first] - profile[first - 1])
    fall = (profile[last] - half) / (profile[last] - profile[last + 1])
    return first - 1 + rise + 0.5, last + fall + 0.5


@pytest.fixture
def load(tmp_path: Path) -> Callable[..., dict[str, Any]]:
    """Draw photos with a white rectangle and load all views of them as one batch."""

    def make(steps: Sequence[dict[str, Any]], settings: TtaSettings, photos: int = 1) -> dict[str, Any]:
        steps = [ConfigDict(step) for step in [*LOADING, *steps, dict(type="PackDetInputs")]]
        pipeline = Compose(with_views(steps, settings))
        samples = []
        for index in range(photos):
            path = tmp_path / f"{index}.png"
            photo = Image.new("RGB", (WIDTH + 10 * index, HEIGHT), (114, 114, 114))
            ImageDraw.Draw(photo).rectangle([BOX[0], BOX[1], BOX[2] - 1, BOX[3] - 1], fill=(255, 255, 255))
            photo.save(path)
            annotation = dict(bbox=BOX, bbox_label=3, ignore_flag=0)
            samples.append(pipeline(dict(img_id=index, img_path=str(path), instances=[annotation])))
        return pseudo_collate(samples)

    return make


def boxes_of_views(batch: dict[str, Any], detector: FakeDetector) -> list[np.ndarray]:
    """Detect in each view by itself and bring the box back to the photo, as corners."""
    found = []
    for inputs, samples in zip(batch["inputs"], batch["data_samples"], strict=True):
        samples = detector(inputs, samples, "predict")
        (box_xywh,) = view_results(samples, [(WIDTH, HEIGHT)]).bboxes_xywh
        found.append(np.concatenate([box_xywh[:2], box_xywh[:2] + box_xywh[2:]]))
    return found


@by_geometry
@pytest.mark.parametrize("scale", [0.7, 1.0, 1.3])
def test_boxes_come_back_exactly_from_every_view(load, geometry, scale):
    """Moved there by the transforms themselves. float32 holds 7 digits, and a box goes through about five roundings."""
    found = boxes_of_views(load(geometry, TtaSettings((scale,), FLIPS)), FakeDetector(true_box))
    assert len(found) == 1 + len(FLIPS)
    for box in found:
        np.testing.assert_allclose(box, BOX, atol=5 * 128 * 2**-24)


@by_geometry
def test_boxes_seen_in_the_pixels_come_back(load, geometry):
    """Enlarged, an edge is found within half a pixel of the view; a mirror off by one would move it by twice that."""
    batch = load(geometry, TtaSettings((2.0,), FLIPS))
    for box, (sample,) in zip(boxes_of_views(batch, FakeDetector(seen_box)), batch["data_samples"], strict=True):
        np.testing.assert_allclose(box, BOX, atol=0.5 / min(sample.scale_factor))


@by_geometry
def test_a_detector_that_finds_the_same_in_every_view_keeps_its_boxes_and_scores(load, geometry):
    batch = load(geometry, TtaSettings((0.8, 1.0, 1.2), FLIPS), photos=2)
    merged = WBFTTAModel(FakeDetector(true_box)).test_step(batch)
    assert [sample.img_id for sample in merged] == [0, 1]
    for sample in merged:
        np.testing.assert_allclose(sample.pred_instances.bboxes, [BOX], atol=1e-4)
        np.testing.assert_allclose(sample.pred_instances.scores, [0.9], rtol=1e-6)
        assert sample.pred_instances.labels.tolist() == [3]


@pytest.mark.parametrize(
    ("conf_type", "score"),
    [("avg", 0.9 / 4), ("max", 0.9), ("box_and_model_avg", 0.9 / 4), ("absent_model_aware_avg", 0.9 / 4)],
)
def test_a_box_that_one_view_of_four_has_found_scores_a_quarter(load, conf_type, score):
    def seen_in_one(image: torch.Tensor, sample: DetDataSample) -> Any:
        return true_box(image, sample) if sample.flip_direction == "vertical" else []

    model = WBFTTAModel(FakeDetector(seen_in_one), conf_type=conf_type)
    (sample,) = model.test_step(load(GEOMETRIES["pad_to_size"], TtaSettings((1.0,), FLIPS)))
    np.testing.assert_allclose(sample.pred_instances.bboxes, [BOX], atol=1e-4)
    np.testing.assert_allclose(sample.pred_instances.scores, [score], rtol=1e-6)


def test_photos_without_boxes_stay_empty(load):
    model = WBFTTAModel(FakeDetector(lambda image, sample: []))
    merged = model.test_step(load(GEOMETRIES["stretch"], TtaSettings(), photos=2))
    assert [len(sample.pred_instances) for sample in merged] == [0, 0]


def test_boxes_in_the_padding_are_cut_at_the_border(load):
    """The photo fills 128 x 95 of 128 x 160: a box over all of the input is the whole photo, in each view."""
    model = WBFTTAModel(FakeDetector(lambda image, sample: [0, 0, 128, 160]))
    (sample,) = model.test_step(load(GEOMETRIES["pad_to_size"], TtaSettings((1.0,), FLIPS)))
    np.testing.assert_allclose(sample.pred_instances.bboxes, [[0, 0, WIDTH, HEIGHT]], atol=1e-4)


def test_a_diverged_detector_is_named(load):
    model = WBFTTAModel(FakeDetector(lambda image, sample: [0, 0, float("nan"), 5]))
    with pytest.raises(InputError, match=r"0\.png: its detections hold NaN.*\n.*diverged"):
        model.test_step(load(GEOMETRIES["stretch"], TtaSettings()))


def sample_of(bboxes: Any, scores: Any, labels: Any, direction: str | None = None) -> DetDataSample:
    sample = DetDataSample(metainfo=dict(img_id=0, ori_shape=(HEIGHT, WIDTH), flip_direction=direction))
    sample.pred_instances = InstanceData(
        bboxes=torch.tensor(bboxes).reshape(-1, 4), scores=torch.tensor(scores), labels=torch.tensor(labels)
    )
    return sample


def test_views_are_averaged_by_score_within_a_class():
    """Two boxes of class 0 at IoU 0.8 fuse; the third lies in the same place and is of another class."""
    plain = sample_of([[10.0, 10.0, 30.0, 30.0]], [0.6], [0])
    mirrored = sample_of([[WIDTH - 30.0, 10.0, WIDTH - 10.0, 26.0]] * 2, [0.3, 0.5], [0, 1], "horizontal")
    (merged,) = WBFTTAModel(FakeDetector(true_box)).merge_preds([[plain, mirrored]])
    bottom = (0.6 * 30 + 0.3 * 26) / (0.6 + 0.3)
    assert merged.pred_instances.labels.tolist() == [0, 1]
    np.testing.assert_allclose(merged.pred_instances.scores, [max(0.6, 0.3), 0.5], rtol=1e-6)
    np.testing.assert_allclose(merged.pred_instances.bboxes, [[10, 10, 30, bottom], [10, 10, 30, 26]], rtol=1e-6)


def test_settings_of_the_fusion_count():
    plain = sample_of([[10.0, 10.0, 30.0, 30.0], [50.0, 10.0, 60.0, 30.0]], [0.6, 0.2], [0, 0])
    mirrored = sample_of([[WIDTH - 30.0, 10.0, WIDTH - 10.0, 26.0]], [0.4], [0], "horizontal")
    detector = FakeDetector(true_box)

    def merged(**settings: Any) -> list[float]:
        views = [[plain.clone(), mirrored.clone()]]
        return WBFTTAModel(detector, **settings).merge_preds(views)[0].pred_instances.scores.tolist()

    assert merged() == pytest.approx([0.6, 0.2])
    assert merged(conf_type="avg") == pytest.approx([(0.6 + 0.4) / 2, 0.2 / 2])
    assert merged(conf_type="avg", iou_thr=0.85) == pytest.approx([0.6 / 2, 0.4 / 2, 0.2 / 2])
    assert merged(skip_box_thr=0.3) == pytest.approx([0.6])
    assert merged(max_per_image=1) == pytest.approx([0.6])
    with pytest.raises(InputError, match="iou_thr"):
        WBFTTAModel(detector, iou_thr=1.5)


corner = st.floats(0, 60, width=32)


@given(corner, corner, corner, corner, st.sampled_from(FLIPS))
def test_flipping_twice_is_nothing(left, top, width, height, direction):
    box = np.array([[left, top, left + width, top + height]])
    there = unflipped(box, (WIDTH, HEIGHT), direction)
    assert (there[:, 2:] >= there[:, :2]).all()
    np.testing.assert_allclose(unflipped(there, (WIDTH, HEIGHT), direction), box, atol=1e-12)


def test_an_unknown_direction_is_an_error():
    with pytest.raises(ValueError, match="sideways"):
        unflipped(np.zeros((1, 4)), (WIDTH, HEIGHT), "sideways")


def test_a_checkpoint_of_the_detector_fits():
    detector = torch.nn.Linear(3, 2)
    detector.test_step = lambda data: data
    model = WBFTTAModel(detector)
    weights = {"weight": torch.ones(2, 3), "bias": torch.full((2,), 5.0)}
    assert model.state_dict().keys() == weights.keys()
    load_state_dict(model, weights, strict=True)
    assert detector.bias.tolist() == [5.0, 5.0]


def test_the_config_s_preprocessor_reaches_a_detector_without_one():
    @MODELS.register_module(force=True)
    class Preprocessed(BaseModel):
        def forward(self, inputs: Any, data_samples: Any = None, mode: str = "predict") -> Any:
            return inputs

    own, given = (dict(type="DetDataPreprocessor", pad_size_divisor=size) for size in (32, 64))
    for module, expected in ((dict(type="Preprocessed"), 64), (dict(type="Preprocessed", data_preprocessor=own), 32)):
        model = MODELS.build(dict(type="WBFTTAModel", module=module, data_preprocessor=given))
        assert model.module.data_preprocessor.pad_size_divisor == expected
