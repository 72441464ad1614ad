"""The verdict on a repetition says what is the same, what differs first, and what could not be compared."""

import pytest

pytestmark = pytest.mark.mm


@pytest.mark.parametrize(
    ("losses", "weights", "expected"),
    [
        ((12,), (5,), ["12 losses and scores that both logged are the same", "5 tensors, are the same bit for bit"]),
        (
            (12, ("iteration 50", "loss", 0.5, 0.25)),
            (5, ("state_dict.a", "state_dict.b"), 0.125),
            ["first differ at iteration 50: loss was 0.5, is 0.25", "2 of 5 tensors differ, by 0.125 at most"],
        ),
        ((0,), None, ["losses were not compared", "weights were not compared"]),
    ],
)
def test_the_verdict_tells_what_is_the_same(losses, weights, expected):
    from sortline.pipeline.reproduction import verdict
    from sortline.runs.logged_scalars import LossComparison
    from sortline.weights.checkpoint_comparison import WeightComparison

    lines = verdict(LossComparison(*losses), weights and WeightComparison(*weights))
    assert [text in line for text, line in zip(expected, lines, strict=True)] == [True, True]


def test_weights_that_are_gone_are_not_compared(tmp_path):
    from sortline.pipeline.reproduction import compare_last_weights

    assert compare_last_weights(tmp_path, tmp_path, trust=False) is None
