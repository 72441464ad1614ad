import math

import pytest

torch = pytest.importorskip("torch")
pytestmark = pytest.mark.mm

CLASSES, SAMPLES = 4, 12


@pytest.fixture
def samples():
    """Logits of four classes and background, and labels of which every fifth is background."""
    generator = torch.Generator().manual_seed(0)
    logits = torch.randn(SAMPLES, CLASSES + 1, generator=generator)
    return logits, torch.arange(SAMPLES) % (CLASSES + 1)


def loss(**settings):
    from custom_modules.models.losses import FocalCrossEntropyLoss

    return FocalCrossEntropyLoss(**settings)


def test_one_sample_by_hand():
    """Two classes at logits 0 and ln 3: probabilities 1/4 and 3/4; the label is the first."""
    logits, label = torch.tensor([[0.0, math.log(3)]]), torch.tensor([0])
    ce = -math.log(1 / 4)
    assert loss()(logits, label).item() == pytest.approx(ce)
    assert loss(gamma=2)(logits, label).item() == pytest.approx((3 / 4) ** 2 * ce)
    smooth = 0.95 * ce + 0.05 * -math.log(3 / 4)  # 1 - 0.1 + 0.1 / 2 on the label, 0.1 / 2 on the other
    assert loss(smoothing=0.1)(logits, label).item() == pytest.approx(smooth)
    both = 0.95 * (3 / 4) ** 2 * ce + 0.05 * (1 / 4) ** 2 * -math.log(3 / 4)
    assert loss(smoothing=0.1, gamma=2)(logits, label).item() == pytest.approx(both)


def test_one_sigmoid_sample_by_hand():
    """Logits 0 and ln 3 are probabilities 1/2 and 3/4; the label is the first, then background."""
    logits = torch.tensor([[0.0, math.log(3)]])
    first, second = -math.log(1 / 2), -math.log(1 / 4)
    focal = 0.25 * 0.5**2 * first + 0.75 * 0.75**2 * second
    assert loss(use_sigmoid=True, alpha=0.25, gamma=2, reduction="sum")(
        logits, torch.tensor([0])
    ).item() == pytest.approx(focal)
    smooth = first + 0.05 * -math.log(3 / 4) + 0.95 * second  # at 1/2 either target costs the same
    assert loss(use_sigmoid=True, smoothing=0.1, reduction="sum")(logits, torch.tensor([0])).item() == pytest.approx(
        smooth
    )
    background = first + second
    assert loss(use_sigmoid=True, smoothing=0.1, reduction="sum")(logits, torch.tensor([2])).item() == pytest.approx(
        background
    )


def test_smoothing_is_that_of_torch(samples):
    expected = torch.nn.functional.cross_entropy(*samples, label_smoothing=0.1)
    torch.testing.assert_close(loss(smoothing=0.1)(*samples), expected)


def test_without_gamma_and_smoothing_it_is_mmdets_cross_entropy(samples):
    from mmdet.models.losses import CrossEntropyLoss

    logits, labels = samples
    weight, class_weight = torch.rand(SAMPLES), [1.0, 2.0, 3.0, 4.0, 0.5]
    theirs = CrossEntropyLoss(class_weight=class_weight, loss_weight=2.0)(logits, labels, weight, avg_factor=7)
    torch.testing.assert_close(
        loss(class_weight=class_weight, loss_weight=2.0)(logits, labels, weight, avg_factor=7), theirs
    )
    theirs = CrossEntropyLoss(use_sigmoid=True)(logits[:, :CLASSES], labels, weight, avg_factor=7)
    torch.testing.assert_close(loss(use_sigmoid=True)(logits[:, :CLASSES], labels, weight, avg_factor=7), theirs)


@pytest.mark.parametrize("reduction", ["none", "sum"])
def test_with_sigmoid_it_is_mmdets_focal_loss(samples, reduction):
    from mmdet.models.losses import FocalLoss

    logits, labels = samples[0][:, :CLASSES], samples[1]
    settings = dict(use_sigmoid=True, gamma=2.0, alpha=0.25)
    weight = torch.rand(SAMPLES)
    expected = FocalLoss(**settings)(logits, labels, weight, reduction_override=reduction)
    torch.testing.assert_close(loss(**settings)(logits, labels, weight, reduction_override=reduction), expected)


def test_soft_targets_of_yolox_are_taken_as_they_are(samples):
    from mmdet.models.losses import CrossEntropyLoss

    logits = samples[0][:, :CLASSES]
    targets = torch.nn.functional.one_hot(torch.arange(SAMPLES) % CLASSES, CLASSES) * torch.rand(SAMPLES, 1)
    expected = CrossEntropyLoss(use_sigmoid=True, reduction="sum")(logits, targets)
    torch.testing.assert_close(loss(use_sigmoid=True, reduction="sum")(logits, targets), expected)


@pytest.mark.parametrize("use_sigmoid", [False, True])
def test_gradients_are_finite_where_a_prediction_is_sure(use_sigmoid):
    logits = torch.tensor([[200.0, -200.0], [-200.0, 200.0]], requires_grad=True)
    loss(use_sigmoid=use_sigmoid, gamma=2.0, smoothing=0.1)(logits, torch.tensor([0, 0])).backward()
    assert logits.grad.isfinite().all()


def test_half_precision_is_computed_in_float32(samples):
    logits, labels = samples
    result = loss(gamma=2.0)(logits.bfloat16(), labels)
    torch.testing.assert_close(result, loss(gamma=2.0)(logits.bfloat16().float(), labels))


def test_values_out_of_range_are_refused_together():
    from sortline.errors import InputError

    with pytest.raises(InputError) as error:
        loss(gamma=-1, smoothing=1.0, alpha=0.25)
    assert [problem.where.rpartition(".")[2] for problem in error.value.problems] == ["gamma", "smoothing", "alpha"]
