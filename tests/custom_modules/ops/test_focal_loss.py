import math

import pytest
import torch

pytestmark = pytest.mark.mm

CLASSES = 4


def case(rows=6, dtype=torch.float64, scale=3.0):
    """Logits, and targets that hold each class and the background."""
    generator = torch.Generator().manual_seed(0)
    logits = torch.randn(rows, CLASSES, generator=generator, dtype=torch.float64) * scale
    return logits.to(dtype), torch.arange(rows) % (CLASSES + 1)


def sigmoid_reference(logits, target, gamma, alpha, weight=None):
    """The formula, an element at a time."""
    loss = torch.zeros(logits.shape, dtype=torch.float64)
    for n, row in enumerate(logits.tolist()):
        t = int(target[n])
        for c, x in enumerate(row):
            p = 1 / (1 + math.exp(-x))
            if c == t:
                loss[n, c] = -alpha * (1 - p) ** gamma * math.log(p)
            else:
                loss[n, c] = -(1 - alpha) * p**gamma * math.log(1 - p)
            if weight is not None and t < CLASSES:
                loss[n, c] *= weight[t]
    return loss


def softmax_reference(logits, target, gamma, alpha, weight=None):
    loss = []
    for row, t in zip(logits.tolist(), target.tolist(), strict=True):
        if t < 0:
            loss.append(0.0)
            continue
        p = math.exp(row[t]) / sum(math.exp(x) for x in row)
        loss.append(-alpha * (1 - p) ** gamma * math.log(p) * (1 if weight is None else weight[t]))
    return torch.tensor(loss, dtype=torch.float64)


def sigmoid_focal_loss(*args):
    from mmcv.ops import sigmoid_focal_loss as mmcv_sigmoid_focal_loss

    return mmcv_sigmoid_focal_loss(*args)


def softmax_focal_loss(*args):
    from mmcv.ops import softmax_focal_loss as mmcv_softmax_focal_loss

    return mmcv_softmax_focal_loss(*args)


@pytest.mark.parametrize("gamma", [0.0, 0.5, 2.0])
@pytest.mark.parametrize("weight", [None, [0.5, 1.0, 2.0, 3.0]], ids=["unweighted", "weighted"])
def test_sigmoid_equals_the_formula(weight, gamma, device):
    logits, target = case()
    expected = sigmoid_reference(logits, target, gamma, 0.25, weight)
    weight = None if weight is None else torch.tensor(weight, dtype=torch.float64, device=device)
    result = sigmoid_focal_loss(logits.to(device), target.to(device), gamma, 0.25, weight, "none")
    torch.testing.assert_close(result.cpu(), expected)


@pytest.mark.parametrize("reduction", ["none", "mean", "sum"])
@pytest.mark.parametrize("gamma", [0.0, 0.5, 2.0])
def test_sigmoid_gradient(gamma, reduction, device):
    logits, target = case()
    weight = torch.tensor([0.5, 1.0, 2.0, 3.0], dtype=torch.float64, device=device)

    def run(tensor):
        return sigmoid_focal_loss(tensor, target.to(device), gamma, 0.25, weight, reduction)

    if reduction == "none":
        # mmcv multiplies by the incoming gradient, element by element.
        assert torch.autograd.gradcheck(run, (logits.to(device).requires_grad_(),))
    else:
        assert torch.autograd.gradcheck(lambda x: run(x).reshape(1), (logits.to(device).requires_grad_(),))


def test_a_confident_wrong_logit_keeps_its_digits(device):
    # log(1 - p) is -x up to 1e-13 for x = 30, where 1 - p is 0 in float32.
    logits = torch.tensor([[30.0], [-30.0]], device=device, requires_grad=True)
    loss = sigmoid_focal_loss(logits, torch.tensor([1, 0], device=device), 2.0, 0.25, None, "none")
    assert loss[:, 0].tolist() == pytest.approx([0.75 * 30, 0.25 * 30])
    loss.sum().backward()
    assert logits.grad[:, 0].tolist() == pytest.approx([0.75, -0.25])


@pytest.mark.parametrize("dtype", [torch.float32, torch.float16, torch.bfloat16])
def test_sigmoid_in_every_precision(dtype, device):
    logits, target = case(dtype=dtype)
    exact = logits.double().requires_grad_()
    expected = sigmoid_focal_loss(exact, target, 2.0, 0.25, None, "none")
    expected.sum().backward()
    low = logits.to(device).requires_grad_()
    result = sigmoid_focal_loss(low, target.to(device), 2.0, 0.25, None, "none")
    result.sum().backward()
    assert result.dtype == low.grad.dtype == dtype
    tolerance = 4 * torch.finfo(dtype).eps
    torch.testing.assert_close(result.cpu().double(), expected, rtol=tolerance, atol=tolerance)
    torch.testing.assert_close(low.grad.cpu().double(), exact.grad, rtol=tolerance, atol=tolerance)


@pytest.mark.parametrize("loss", [sigmoid_focal_loss, softmax_focal_loss])
def test_no_rows(loss, device):
    logits = torch.zeros(0, CLASSES, device=device, requires_grad=True)
    result = loss(logits, torch.zeros(0, dtype=torch.long, device=device), 2.0, 0.25, None, "sum")
    result.backward()
    assert result.item() == 0
    assert logits.grad.shape == (0, CLASSES)


def softmax_case():
    """Logits of shape (4, 4), as many rows as classes.

    mmcv divides by the softmax's sum expanded along the classes, which is right for any shape, and a target of -1
    counts nothing.
    """
    logits, _ = case(rows=4)
    return logits, torch.tensor([2, 0, -1, 3])


@pytest.mark.parametrize("gamma", [0.0, 0.5, 2.0])
@pytest.mark.parametrize("weight", [None, [0.5, 1.0, 2.0, 3.0]], ids=["unweighted", "weighted"])
def test_softmax_equals_the_formula(weight, gamma, device):
    logits, target = softmax_case()
    expected = softmax_reference(logits, target, gamma, 0.25, weight)
    weight = None if weight is None else torch.tensor(weight, dtype=torch.float64, device=device)
    result = softmax_focal_loss(logits.to(device), target.to(device), gamma, 0.25, weight, "none")
    torch.testing.assert_close(result.cpu(), expected)


@pytest.mark.parametrize("gamma", [0.0, 0.5, 2.0])
def test_softmax_gradient(gamma, device):
    logits, target = softmax_case()
    leaf = logits.to(device).requires_grad_()
    result = softmax_focal_loss(leaf, target.to(device), gamma, 0.25, None, "sum")
    result.backward()
    step = 1e-6
    for n in range(4):
        for c in range(4):
            moved = [logits.clone(), logits.clone()]
            moved[0][n, c] += step
            moved[1][n, c] -= step
            high, low = (softmax_reference(tensor, target, gamma, 0.25).sum() for tensor in moved)
            assert leaf.grad[n, c].item() == pytest.approx((high - low).item() / (2 * step), abs=1e-7)


@pytest.mark.parametrize("gamma", [0.0, 0.5, 2.0])
def test_softmax_gradient_of_a_certain_row_is_finite(gamma, device):
    logits = torch.tensor([[200.0, 0.0]], device=device, requires_grad=True)
    softmax_focal_loss(logits, torch.tensor([0], device=device), gamma, 0.25, None, "sum").backward()
    assert logits.grad.tolist() == [[0.0, 0.0]]
