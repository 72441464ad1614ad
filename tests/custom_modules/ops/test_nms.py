import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from custom_modules.ops import nms as ops

pytestmark = pytest.mark.mm

METHODS = {"naive": ops.NAIVE, "linear": ops.LINEAR, "gaussian": ops.GAUSSIAN}


def random_boxes(count, seed=0, size=20.0):
    """Overlapping boxes with distinct scores, in float64."""
    generator = torch.Generator().manual_seed(seed)
    corners = torch.rand(count, 2, 2, generator=generator, dtype=torch.float64) * size
    boxes = torch.cat([corners.amin(1), corners.amax(1)], dim=1)
    return boxes, torch.randperm(count, generator=generator).double() / max(count, 1)


def iou(a, b, offset):
    width = max(0, min(a[2], b[2]) - max(a[0], b[0]) + offset)
    height = max(0, min(a[3], b[3]) - max(a[1], b[1]) + offset)
    area_a = (a[2] - a[0] + offset) * (a[3] - a[1] + offset)
    area_b = (b[2] - b[0] + offset) * (b[3] - b[1] + offset)
    union = area_a + area_b - width * height
    return width * height / union if union else 0.0


def nms_loop(boxes, scores, iou_threshold, offset):
    """mmcv's nms_cpu, one comparison at a time."""
    order = sorted(range(len(boxes)), key=lambda index: -scores[index])
    keep = []
    for index in order:
        if not any(iou(boxes[kept], boxes[index], offset) > iou_threshold for kept in keep):
            keep.append(index)
    return keep


def softnms_loop(boxes, scores, iou_threshold, sigma, min_score, method, offset):
    """mmcv's softnms_cpu, swap by swap."""
    rows = [[*box, score, index] for index, (box, score) in enumerate(zip(boxes, scores, strict=True))]
    start = 0
    while start < len(rows):
        best = max(range(start, len(rows)), key=lambda position: rows[position][4])
        rows[start], rows[best] = rows[best], rows[start]
        position = start + 1
        while position < len(rows):
            overlap = iou(rows[start], rows[position], offset)
            if method == ops.GAUSSIAN:
                rows[position][4] *= np.exp(-overlap * overlap / sigma)
            elif overlap >= iou_threshold:
                rows[position][4] *= 1 - overlap if method == ops.LINEAR else 0
            if rows[position][4] < min_score:
                rows[position] = rows[-1]
                rows.pop()
            else:
                position += 1
        start += 1
    return [row[:5] for row in rows], [row[5] for row in rows]


def softnms(boxes, scores, iou_threshold=0.3, sigma=0.5, min_score=1e-3, method=ops.LINEAR, offset=0):
    dets = boxes.new_zeros((len(boxes), 5))
    inds = ops.softnms(boxes, scores, dets, iou_threshold, sigma, min_score, method, offset)
    return dets[: len(inds)], inds


# Small integers make equal overlaps, boxes without area and boxes on the threshold likely.
grid_boxes = st.lists(
    st.tuples(st.integers(0, 4), st.integers(0, 4), st.integers(0, 4), st.integers(0, 4), st.integers(1, 4)),
    max_size=12,
).map(
    lambda rows: (
        torch.tensor([[x, y, x + w, y + h] for x, y, w, h, _ in rows], dtype=torch.float64).reshape(-1, 4),
        torch.tensor([score / 4 for *_, score in rows], dtype=torch.float64),
    )
)


@pytest.mark.parametrize("offset", [0, 1])
@pytest.mark.parametrize("count", [0, 1, 2, 60])
def test_nms_equals_the_loop(count, offset, device):
    boxes, scores = random_boxes(count)
    kept = ops.nms(boxes.float().to(device), scores.float().to(device), 0.4, offset)
    assert kept.tolist() == nms_loop(boxes.tolist(), scores.tolist(), 0.4, offset)
    assert kept.dtype == torch.int64


@settings(max_examples=60, deadline=None)
@given(grid_boxes, st.sampled_from([0.25, 0.5, 0.6]), st.integers(0, 1))
def test_nms_equals_the_loop_when_scores_and_overlaps_tie(boxes_and_scores, iou_threshold, offset):
    boxes, scores = boxes_and_scores
    expected = nms_loop(boxes.tolist(), scores.tolist(), iou_threshold, offset)
    assert ops.nms(boxes, scores, iou_threshold, offset).tolist() == expected


def test_equal_scores_keep_the_first_box(device):
    boxes = torch.tensor([[0.0, 0, 4, 4]] * 5, device=device)
    assert ops.nms(boxes, torch.full((5,), 0.5, device=device), 0.5, 0).tolist() == [0]


def test_an_overlap_of_exactly_the_threshold_is_kept(device):
    # Intersection 3, union 5: 3/5 in float32 is above 0.6 in float64, and equal to 0.6 in float32.
    boxes = torch.tensor([[0.0, 0, 5, 1], [0, 0, 3, 1]], device=device)
    assert ops.nms(boxes, torch.tensor([0.9, 0.8], device=device), 0.6, 0).tolist() == [0, 1]


def test_offset_counts_the_last_pixel(device):
    # Without it the boxes only touch; with it they share a column: 1 x 3 of 2 * 3 * 3 - 3 pixels, overlap 0.2.
    boxes = torch.tensor([[0.0, 0, 2, 2], [2, 0, 4, 2]], device=device)
    scores = torch.tensor([0.9, 0.8], device=device)
    assert ops.nms(boxes, scores, 0.19, 0).tolist() == [0, 1]
    assert ops.nms(boxes, scores, 0.19, 1).tolist() == [0]


@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16, torch.float64])
def test_nms_in_every_precision(dtype, device):
    boxes, scores = (tensor.to(dtype) for tensor in random_boxes(30))
    kept = ops.nms(boxes.to(device), scores.to(device), 0.4, 0)
    assert kept.tolist() == nms_loop(boxes.tolist(), scores.tolist(), 0.4, 0)


@pytest.mark.parametrize("offset", [0, 1])
@pytest.mark.parametrize("method", METHODS.values(), ids=METHODS)
@pytest.mark.parametrize("count", [0, 1, 2, 50])
def test_softnms_equals_the_loop(count, method, offset):
    boxes, scores = random_boxes(count)
    dets, inds = softnms(boxes, scores, min_score=0.05, method=method, offset=offset)
    rows, order = softnms_loop(boxes.tolist(), scores.tolist(), 0.3, 0.5, 0.05, method, offset)
    assert inds.tolist() == order
    torch.testing.assert_close(dets, torch.tensor(rows, dtype=torch.float64).reshape(-1, 5))


@settings(max_examples=100, deadline=None)
@given(grid_boxes, st.sampled_from(list(METHODS.values())), st.sampled_from([0.1, 0.25, 0.5]), st.integers(0, 1))
def test_softnms_keeps_the_loops_order_when_scores_tie(boxes_and_scores, method, min_score, offset):
    boxes, scores = boxes_and_scores
    _, inds = softnms(boxes, scores, 0.5, 0.5, min_score, method, offset)
    _, order = softnms_loop(boxes.tolist(), scores.tolist(), 0.5, 0.5, min_score, method, offset)
    assert inds.tolist() == order


@pytest.mark.parametrize("dtype", [torch.float32, torch.float16, torch.bfloat16])
def test_softnms_in_every_precision(dtype):
    boxes, scores = (tensor.to(dtype) for tensor in random_boxes(20))
    dets, inds = softnms(boxes, scores, min_score=0.05)
    rows, order = softnms_loop(boxes.tolist(), scores.tolist(), 0.3, 0.5, 0.05, ops.LINEAR, 0)
    assert inds.tolist() == order
    assert dets.dtype == dtype
    tolerance = torch.finfo(dtype).eps
    torch.testing.assert_close(dets.double(), torch.tensor(rows).double(), rtol=4 * tolerance, atol=tolerance)


def test_nms_match_groups_by_the_suppressing_box():
    boxes, scores = random_boxes(40, seed=3)
    groups = ops.nms_match(torch.cat([boxes, scores[:, None]], dim=1), 0.3)
    assert [group[0] for group in groups] == nms_loop(boxes.tolist(), scores.tolist(), 0.3, 0)
    assert sorted(index for group in groups for index in group) == list(range(40))
    for best, *others in groups:
        assert all(iou(boxes[best].tolist(), boxes[other].tolist(), 0) >= 0.3 for other in others)
        assert others == sorted(others, key=lambda index: -scores[index])


@pytest.mark.parametrize("offset", [0, 1])
@pytest.mark.parametrize("mode", [ops.IOU, ops.IOF])
def test_bbox_overlaps(mode, offset, device):
    first, second = random_boxes(7, seed=1)[0], random_boxes(5, seed=2)[0]
    result = torch.zeros(7, 5, dtype=torch.float64, device=device)
    ops.bbox_overlaps(first.to(device), second.to(device), result, mode, False, offset)
    for row, a in enumerate(first.tolist()):
        for column, b in enumerate(second.tolist()):
            overlap = iou(a, b, offset)
            if mode == ops.IOF:
                area_a, area_b = ((x2 - x1 + offset) * (y2 - y1 + offset) for x1, y1, x2, y2 in (a, b))
                # i / (A + B - i) = o gives i = o (A + B) / (1 + o).
                overlap = overlap * (area_a + area_b) / (1 + overlap) / area_a
            assert result[row, column].item() == pytest.approx(overlap)
    aligned = torch.zeros(5, dtype=torch.float64, device=device)
    ops.bbox_overlaps(first[:5].to(device), second.to(device), aligned, mode, True, offset)
    torch.testing.assert_close(aligned, result.diagonal())


def batched_nms(device="cpu", **changes):
    """Run mmcv's batched_nms on 60 boxes of 3 classes; return what it kept, and the input."""
    from mmcv.ops import batched_nms as mmcv_batched_nms

    boxes, scores = random_boxes(60, seed=5)
    classes = torch.arange(60) % 3
    config = {"type": "nms", "iou_threshold": 0.4, **changes}
    dets, keep = mmcv_batched_nms(boxes.float().to(device), scores.float().to(device), classes.to(device), config)
    return dets.cpu(), keep.tolist(), boxes, scores, classes


def expected_by_class(boxes, scores, classes):
    keep = []
    for label in classes.unique():
        indices = torch.nonzero(classes == label)[:, 0]
        kept = nms_loop(boxes[indices].tolist(), scores[indices].tolist(), 0.4, 0)
        keep += indices[kept].tolist()
    return sorted(keep, key=lambda index: -scores[index])


@pytest.mark.parametrize("changes", [{}, {"split_thr": 10}], ids=["at once", "class by class"])
def test_batched_nms_suppresses_within_a_class(changes, device):
    dets, keep, boxes, scores, classes = batched_nms(device, **changes)
    assert keep == expected_by_class(boxes, scores, classes)
    torch.testing.assert_close(dets, torch.cat([boxes, scores[:, None]], dim=1)[keep].float())


def test_batched_nms_of_all_classes_together(device):
    _, keep, boxes, scores, _ = batched_nms(device, class_agnostic=True)
    assert keep == nms_loop(boxes.tolist(), scores.tolist(), 0.4, 0)


@pytest.mark.parametrize("changes", [{}, {"split_thr": 10}], ids=["at once", "class by class"])
def test_batched_soft_nms_lowers_scores_within_a_class(changes, device):
    dets, keep, boxes, scores, classes = batched_nms(device, type="soft_nms", min_score=0.05, **changes)
    expected = {}
    for label in classes.unique():
        indices = torch.nonzero(classes == label)[:, 0].tolist()
        rows, order = softnms_loop(boxes[indices].tolist(), scores[indices].tolist(), 0.4, 0.5, 0.05, ops.LINEAR, 0)
        expected |= {indices[index]: row[4] for index, row in zip(order, rows, strict=True)}
    assert dict(zip(keep, dets[:, 4].tolist(), strict=True)) == pytest.approx(expected, rel=1e-5)
    assert dets[:, 4].tolist() == sorted(dets[:, 4].tolist(), reverse=True)
