import pytest

torch = pytest.importorskip("torch")
pytestmark = pytest.mark.mm

CLASS_WEIGHT, BACKGROUND = [2.0, 3.0, 5.0], 0.5
LABELS = torch.tensor([0, 1, 2, 3])  # three classes, then background
ROWS = torch.tensor([*CLASS_WEIGHT, BACKGROUND])


def weighted(inner, **settings):
    from custom_modules.models.losses import ClassWeightedLoss

    return ClassWeightedLoss({**inner, "use_sigmoid": True}, CLASS_WEIGHT, BACKGROUND, **settings)


def dense(quality):
    """Return (N, C) targets: ``quality`` at the label, nothing for background."""
    return torch.nn.functional.one_hot(LABELS, 4)[:, :3] * quality.unsqueeze(1)


QUALITY = torch.tensor([0.9, 0.4, 0.7, 0.0])
CASES = {
    "focal": (dict(type="FocalLoss"), LABELS),
    "quality focal": (dict(type="QualityFocalLoss"), (LABELS, QUALITY)),
    "quality focal, dense": (dict(type="QualityFocalLoss"), dense(QUALITY)),
    "varifocal": (dict(type="VarifocalLoss"), dense(QUALITY)),
    "cross-entropy": (dict(type="CrossEntropyLoss"), LABELS),
    "cross-entropy of YOLOX": (dict(type="CrossEntropyLoss"), dense(QUALITY)),
    "focal cross-entropy": (dict(type="FocalCrossEntropyLoss", gamma=2.0), LABELS),
}


@pytest.mark.parametrize("case", CASES)
def test_each_sample_counts_by_its_class(case):
    """The loss of each row is the plain one times the weight of its class."""
    from mmdet.registry import MODELS

    inner, target = CASES[case]
    pred = torch.randn(4, 3, generator=torch.Generator().manual_seed(0))
    plain = MODELS.build({**inner, "use_sigmoid": True})
    expected = 0.0
    for row in range(4):
        one = tuple(part[row : row + 1] for part in target) if isinstance(target, tuple) else target[row : row + 1]
        expected += ROWS[row] * plain(pred[row : row + 1], one, reduction_override="sum")
    assert weighted(inner)(pred, target, reduction_override="sum").item() == pytest.approx(expected.item(), rel=1e-5)


def test_the_heads_own_weights_stay():
    pred = torch.zeros(4, 3)
    own = torch.tensor([1.0, 0.0, 0.0, 0.0])
    loss = weighted(dict(type="FocalLoss"))
    alone = weighted(dict(type="FocalLoss"))(pred[:1], LABELS[:1], avg_factor=1.0)
    torch.testing.assert_close(loss(pred, LABELS, own, avg_factor=1.0), alone)
    torch.testing.assert_close(loss(pred, LABELS, own.unsqueeze(1).expand(4, 3), avg_factor=1.0), alone)
