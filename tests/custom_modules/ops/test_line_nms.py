import op_references as references
import pytest
import torch

pytestmark = pytest.mark.mm


def lanes(count, seed=0):
    """Lanes in bundles, so that some lie near each other; a few without points."""
    generator = torch.Generator().manual_seed(seed)
    rows = torch.zeros(count, 77)
    rows[:, 2] = torch.rand(count, generator=generator) * 0.5
    rows[:, 4] = torch.randint(0, 60, (count,), generator=generator)
    bundle = torch.randint(0, 6, (count, 1), generator=generator) * 100
    rows[:, 5:] = bundle + torch.rand(count, 72, generator=generator) * 30
    return rows, torch.rand(count, generator=generator)


def line_nms(rows, scores, overlap, top_k):
    from mmcv.ops import line_nms as mmcv_line_nms

    keep, number, parent = mmcv_line_nms(rows, scores, overlap=overlap, top_k=top_k)
    return keep[:number].tolist(), parent.tolist(), keep[number:].tolist()


@pytest.mark.parametrize("top_k", [5, 1000])
@pytest.mark.parametrize("threshold", [1.0, 10.0, 200.0])
def test_equals_the_loop(threshold, top_k, device):
    rows, scores = lanes(60)
    kept, parent, rest = line_nms(rows.to(device), scores.to(device), threshold, top_k)
    assert (kept, parent) == references.line_nms(rows, scores, threshold, top_k)
    assert not any(rest)


def test_no_lanes(device):
    rows, scores = lanes(0)
    assert line_nms(rows.to(device), scores.to(device), 10.0, 5) == ([], [], [])


def test_a_lane_near_a_better_one_goes(device):
    rows = torch.zeros(3, 77, device=device)
    rows[:, 4] = 72
    rows[1, 5:], rows[2, 5:] = 9, 20
    assert line_nms(rows, torch.tensor([0.9, 0.8, 0.7], device=device), 10.0, 5) == ([0, 2], [1, 1, 2], [0])
