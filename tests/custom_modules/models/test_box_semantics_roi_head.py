"""Hybrid Task Cascade on boxes alone: the painted map, and a cascade that does refine its boxes."""

from __future__ import annotations

import pytest

torch = pytest.importorskip("torch")

from small_detectors import build, predictions, train_step  # noqa: E402

from custom_modules.models.box_semantics_roi_head import paint_boxes  # noqa: E402

pytestmark = pytest.mark.mm

MODEL = "htc_r50_fpn-box-semantics"


@pytest.mark.parametrize(
    ("boxes_xyxy", "labels", "expected"),
    [
        ([], [], [[0, 0, 0], [0, 0, 0]]),
        ([[0.0, 0.0, 2.0, 1.0]], [4], [[5, 5, 0], [0, 0, 0]]),
        ([[1.2, 0.6, 1.4, 0.7]], [0], [[0, 1, 0], [0, 0, 0]]),  # touched cells are filled
        ([[-3.0, 1.0, 9.0, 9.0]], [1], [[0, 0, 0], [2, 2, 2]]),  # cut at the map's edge
        ([[0.0, 0.0, 1.0, 1.0], [0.0, 0.0, 3.0, 2.0]], [0, 1], [[1, 2, 2], [2, 2, 2]]),  # the smallest on top
    ],
)
def test_boxes_are_painted(boxes_xyxy, labels, expected):
    boxes = torch.tensor(boxes_xyxy).reshape(-1, 4)
    painted = paint_boxes(boxes, torch.tensor(labels, dtype=torch.long), (2, 3))
    assert painted.tolist() == expected


def test_it_trains_all_stages_and_the_semantic_branch():
    model = build(MODEL)
    losses = train_step(model)
    expected = {f"s{stage}.loss_{kind}" for stage in range(3) for kind in ("cls", "bbox")}
    assert expected | {"loss_semantic_seg"} <= set(losses)
    classes = model.roi_head.bbox_head[0].num_classes
    assert model.roi_head.semantic_head.conv_logits.out_channels == classes + 1  # and background


def test_boxes_are_refined_between_stages(monkeypatch):
    model = build(MODEL)
    refined = []
    for stage, head in enumerate(model.roi_head.bbox_head):
        original = head.refine_bboxes
        monkeypatch.setattr(
            head,
            "refine_bboxes",
            lambda *args, _of=original, _stage=stage, **kw: refined.append(_stage) or _of(*args, **kw),
        )
    train_step(model)
    assert refined == [0, 1]


def test_it_predicts_boxes():
    for found in predictions(build(MODEL)):
        assert found.bboxes.shape == (len(found), 4)
