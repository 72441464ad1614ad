"""Two checkpoints are the same only bit by bit; what differs is named and measured."""

import pytest

pytestmark = pytest.mark.mm


@pytest.fixture
def save(tmp_path):
    import torch

    def save(name, **weights):
        path = tmp_path / name
        ema = {"steps": torch.tensor(3)}
        torch.save({"meta": {}, "state_dict": weights, "ema_state_dict": ema, "optimizer": {"lr": 1}}, path)
        return path

    return save


def test_equal_weights_are_the_same_though_not_a_number(save):
    import torch

    from sortline.weights.comparison import WeightComparison, compare_checkpoints

    weights = {"a": torch.tensor([1.0, float("nan")]), "b": torch.zeros((), dtype=torch.int64)}
    assert compare_checkpoints(save("1.pth", **weights), save("2.pth", **weights)) == WeightComparison(2 + 1)


def test_what_differs_is_named_and_measured(save):
    import torch

    from sortline.weights.comparison import compare_checkpoints

    first = save("1.pth", a=torch.tensor([1.0, 2.0]), b=torch.ones(2), c=torch.ones(1), d=torch.zeros(1))
    second = save("2.pth", a=torch.tensor([1.0, 2.5]), b=torch.ones(2), e=torch.ones(1), d=-torch.zeros(1))
    found = compare_checkpoints(first, second)
    assert found.different == ("state_dict.a", "state_dict.c", "state_dict.d", "state_dict.e")
    assert (found.tensors, found.largest) == (5 + 1, 0.5)


def test_another_type_or_shape_is_another_tensor(save):
    import torch

    from sortline.weights.comparison import same_bits

    assert not same_bits(torch.zeros(2), torch.zeros(2, dtype=torch.int32))
    assert not same_bits(torch.zeros(2), torch.zeros(1, 2))
    assert same_bits(torch.arange(6.0).reshape(2, 3).T, torch.arange(6.0).reshape(2, 3).T.contiguous())
