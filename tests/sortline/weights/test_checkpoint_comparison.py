"""Checkpoints of other models are told from those that fit; two are the same only bit by bit."""

from collections import OrderedDict

import pytest

from sortline.errors import InputError

pytestmark = pytest.mark.mm

torch = pytest.importorskip("torch")

from torch import nn  # noqa: E402

from sortline.weights.checkpoint_comparison import (  # noqa: E402
    WeightComparison,
    check_initial_weights,
    check_matches,
    compare_checkpoints,
    match_weights,
    same_bits,
)

FASTER_RCNN = """\
data_root = 'data/'
model = dict(
    backbone=dict(
        depth=50,
        type='ResNet'),
    type='FasterRCNN')
optim = dict(
    type='SGD')
"""


def detector(classes=10, anchors=1, width=8, background=0):
    """Make a model with a body and a head whose rows grow with the classes."""
    return nn.Sequential(
        OrderedDict(
            backbone=nn.Sequential(nn.Conv2d(3, width, 3), nn.BatchNorm2d(width)),
            bbox_head=nn.Conv2d(width, anchors * classes + background, 1),
        )
    )


def problem_of(function, *args, **kwargs):
    with pytest.raises(InputError) as caught:
        function(*args, **kwargs)
    (problem,) = caught.value.problems
    return problem


def test_own_checkpoint_matches():
    state = detector().state_dict()
    wrapped = {f"module.{key}": value for key, value in state.items()}
    for source in (state, wrapped):
        check_matches(detector().state_dict(), source, "a.pth", classes=list("abcdefghij"))


def test_counters_of_batch_norm_may_be_absent():
    state = {key: value for key, value in detector().state_dict().items() if "num_batches" not in key}
    match = match_weights(detector().state_dict(), state)
    # convolution: weight, bias; batch norm: weight, bias, mean, variance; head: weight, bias
    assert (match.fitting, match.total) == (2 + 4 + 2, 2 + 4 + 2)
    check_matches(detector().state_dict(), state, "a.pth")


@pytest.mark.parametrize(
    ("meta", "words"),
    [
        pytest.param({}, "another architecture", id="unknown"),
        pytest.param({"cfg": FASTER_RCNN}, "looks like a FasterRCNN checkpoint", id="from-its-config"),
    ],
)
def test_another_architecture(meta, words):
    problem = problem_of(check_matches, detector().state_dict(), {"x": torch.zeros(1)}, "a.pth", meta=meta)
    assert problem.where == "a.pth"
    assert f"0 of the model's {2 + 4 + 2} weights fit" in problem.what
    assert words in problem.what


@pytest.mark.parametrize(
    ("anchors", "background"), [(1, 0), (3, 0), (1, 1)], ids=["sigmoid", "three-anchors", "softmax"]
)
@pytest.mark.parametrize("trained", [1, 4, 80])
def test_other_number_of_classes_is_told_from_the_head(anchors, background, trained):
    model = detector(10, anchors=anchors, background=background).state_dict()
    source = detector(trained, anchors=anchors, background=background).state_dict()
    problem = problem_of(check_matches, model, source, "a.pth", classes=list("abcdefghij"))
    assert problem.what == f"was trained for {trained} classes, the config has 10"


def test_other_number_of_classes_is_told_from_the_meta():
    model, source = detector(10).state_dict(), detector(4).state_dict()
    meta = {"dataset_meta": {"classes": ("a", "b", "c", "d")}}
    problem = problem_of(check_matches, model, source, "a.pth", classes=list("abcdefghij"), meta=meta)
    assert "trained for 4 classes, the config has 10" in problem.what


def test_other_shapes_are_shown_when_the_classes_agree():
    model, source = detector(10).state_dict(), detector(10).state_dict()
    source["bbox_head.weight"] = torch.zeros(10, 8, 3, 3)
    problem = problem_of(check_matches, model, source, "a.pth", classes=list("abcdefghij"))
    assert "bbox_head.weight is [10, 8, 3, 3] instead of [10, 8, 1, 1]" in problem.what


def test_other_order_of_the_same_classes():
    state = detector(2).state_dict()
    meta = {"dataset_meta": {"classes": ("Paper", "Glass")}}
    check_matches(state, state, "a.pth", classes=("Paper", "Glass"), meta=meta)
    problem = problem_of(check_matches, state, state, "a.pth", classes=("Glass", "Paper"), meta=meta)
    assert "Paper, Glass" in problem.what
    assert "Glass, Paper" in problem.remedy


def test_a_missing_part_is_refused():
    state = detector().state_dict()
    del state["bbox_head.bias"]
    problem = problem_of(check_matches, detector().state_dict(), state, "a.pth")
    assert "it lacks bbox_head.bias" in problem.what


def test_training_may_start_from_a_part():
    line = check_initial_weights(detector(10).state_dict(), detector(80).state_dict(), "coco.pth")
    # All of the convolution and of the batch norm, its counter included, and nothing of the head.
    assert f"{2 + 5} of the model's {2 + 5 + 2} weights fit" in line
    assert "start fresh: bbox_head.weight, bbox_head.bias" in line
    problem = problem_of(check_initial_weights, detector().state_dict(), {"x": torch.zeros(1)}, "a.pth")
    assert "weights fit" in problem.what


@pytest.fixture
def saved(tmp_path):
    def save(name, **weights):
        path = tmp_path / name
        ema = {"steps": torch.tensor(3)}
        torch.save({"meta": {}, "state_dict": weights, "ema_state_dict": ema, "optimizer": {"lr": 1}}, path)
        return path

    return save


def test_equal_weights_are_the_same_though_not_a_number(saved):
    weights = {"a": torch.tensor([1.0, float("nan")]), "b": torch.zeros((), dtype=torch.int64)}
    assert compare_checkpoints(saved("1.pth", **weights), saved("2.pth", **weights)) == WeightComparison(2 + 1)


def test_what_differs_is_named_and_measured(saved):
    first = saved("1.pth", a=torch.tensor([1.0, 2.0]), b=torch.ones(2), c=torch.ones(1), d=torch.zeros(1))
    second = saved("2.pth", a=torch.tensor([1.0, 2.5]), b=torch.ones(2), e=torch.ones(1), d=-torch.zeros(1))
    found = compare_checkpoints(first, second)
    assert found.different == ("state_dict.a", "state_dict.c", "state_dict.d", "state_dict.e")
    assert (found.tensors, found.largest) == (5 + 1, 0.5)


def test_another_type_or_shape_is_another_tensor(saved):
    assert not same_bits(torch.zeros(2), torch.zeros(2, dtype=torch.int32))
    assert not same_bits(torch.zeros(2), torch.zeros(1, 2))
    assert same_bits(torch.arange(6.0).reshape(2, 3).T, torch.arange(6.0).reshape(2, 3).T.contiguous())
