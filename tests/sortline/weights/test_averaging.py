"""Averages of weights, computed by hand; batch-norm statistics measured anew."""

import pytest

from sortline.errors import InputError

pytestmark = pytest.mark.mm

torch = pytest.importorskip("torch")

from sortline.weights.averaging import average_checkpoints, recompute_batch_norm, save  # noqa: E402

CLASSES = ("Paper", "Metal")


def state(*values, steps=0, **more):
    return {"w": torch.tensor(values), "bn.num_batches_tracked": torch.tensor(steps), **more}


@pytest.fixture
def write(tmp_path):
    def write(name, weights, classes=CLASSES, **more):
        path = tmp_path / name
        meta = {"dataset_meta": {"classes": classes}, "epoch": int(name[0])}
        torch.save({"meta": meta, "state_dict": weights, **more}, path)
        return path

    return write


def test_floats_are_averaged_and_counters_are_the_last(write):
    paths = [write("1.pth", state(1.0, 4.0, steps=10)), write("2.pth", state(2.0, 8.0, steps=20))]
    paths.append(write("3.pth", state(6.0, 0.0, steps=30)))
    averaged = average_checkpoints(paths)
    weights = averaged.checkpoint["state_dict"]
    assert weights["w"].tolist() == [(1 + 2 + 6) / 3, (4 + 8 + 0) / 3]
    assert weights["bn.num_batches_tracked"] == 30
    assert averaged.checkpoint["meta"]["epoch"] == 3
    assert averaged.checkpoint["meta"]["averaged"] == ["1.pth", "2.pth", "3.pth"]
    assert averaged.checkpoint["meta"]["dataset_meta"]["classes"] == CLASSES
    assert averaged.ema == 0


def test_the_sum_is_taken_in_float64_and_the_type_kept(write):
    # In float16 the sum of two would be infinite: its largest number is 65504.
    weights = torch.tensor([60000.0], dtype=torch.float16)
    paths = [write(name, {"w": weights}) for name in ("1.pth", "2.pth")]
    result = average_checkpoints(paths).checkpoint["state_dict"]["w"]
    assert result.dtype == torch.float16
    assert result.item() == (60000 + 60000) / 2


def test_moving_averages_are_taken_from_where_mmengine_puts_them(write):
    raw = {"module.w": torch.tensor([100.0]), "steps": torch.tensor(1)}
    paths = [write(f"{n}.pth", {"w": torch.tensor([float(n)])}, ema_state_dict=raw) for n in (1, 2)]
    averaged = average_checkpoints(paths)
    assert averaged.ema == 2
    assert averaged.checkpoint["state_dict"]["w"].item() == (1 + 2) / 2
    assert "ema_state_dict" not in averaged.checkpoint


def test_saved_ema_checkpoints_hold_the_average_in_state_dict():
    """What this module counts on, checked on mmengine's hook itself."""
    from types import SimpleNamespace

    from mmengine.hooks import EMAHook
    from mmengine.model import BaseModel

    class Model(BaseModel):
        def __init__(self):
            super().__init__()
            self.w = torch.nn.Parameter(torch.zeros(1))

        def forward(self):
            return self.w

    model = Model()
    hook = EMAHook(momentum=0.25)
    runner = SimpleNamespace(model=model, iter=0, epoch=0)
    hook.before_run(runner)
    hook.after_train_iter(runner, 0)
    model.w.data.fill_(8.0)
    hook.after_train_iter(runner, 1)
    checkpoint = {"state_dict": model.state_dict()}
    hook.before_save_checkpoint(runner, checkpoint)
    assert checkpoint["state_dict"]["w"].item() == 0.75 * 0 + 0.25 * 8
    assert checkpoint["ema_state_dict"]["module.w"].item() == 8


@pytest.mark.parametrize(
    ("other", "message"),
    [
        ({"w": torch.ones(3), "bn.num_batches_tracked": torch.tensor(0)}, r"w is \[3\] instead of \[2\]"),
        ({"w": torch.ones(2)}, "lacks bn.num_batches_tracked"),
        (state(1.0, 2.0, extra=torch.ones(1)), "has in addition extra"),
        (state(1.0, float("nan")), "not finite: w"),
        ({}, "holds no weights"),
    ],
)
def test_other_architectures_and_diverged_runs_are_refused(write, other, message):
    paths = [write("1.pth", state(1.0, 2.0)), write("2.pth", other)]
    with pytest.raises(InputError, match=message) as caught:
        average_checkpoints(paths)
    assert caught.value.problems[0].where == str(paths[1])


def test_other_classes_are_refused(write):
    paths = [write("1.pth", state(1.0)), write("2.pth", state(1.0), classes=CLASSES[::-1])]
    with pytest.raises(InputError, match="other classes, or in another order: Metal, Paper"):
        average_checkpoints(paths)


@pytest.mark.parametrize(
    ("meta", "message"),
    [
        (["a"], r"meta is \['a'\], not a dict"),
        ("text", "meta is 'text', not a dict"),
        ({"dataset_meta": [CLASSES]}, "meta.dataset_meta is .*, not a dict"),
        ({"dataset_meta": {"classes": 3}}, "meta.dataset_meta.classes is 3, not a list of names"),
        ({"epoch": "last", "iter": None}, "meta.epoch is 'last', not a whole number; meta.iter is None"),
    ],
)
def test_a_meta_that_training_does_not_write_is_refused(write, tmp_path, meta, message):
    odd = tmp_path / "odd.pth"
    torch.save({"meta": meta, "state_dict": state(1.0)}, odd)
    for paths in ([odd, write("1.pth", state(1.0))], [write("1.pth", state(1.0)), odd]):
        with pytest.raises(InputError, match=message) as caught:
            average_checkpoints(paths)
        assert caught.value.problems[0].where == str(odd)


@pytest.mark.parametrize("weights", [[1, 2], {"w": "text"}, {"w": torch.ones(1, device="meta")}])
def test_weights_that_can_not_be_added_are_refused(write, weights):
    with pytest.raises(InputError, match="holds no weights"):
        average_checkpoints([write("1.pth", weights), write("2.pth", weights)])


def test_weights_of_8_bits_are_averaged(write):
    paths = [write(f"{n}.pth", {"w": torch.tensor([float(n)]).to(torch.float8_e5m2)}) for n in (1, 3)]
    assert average_checkpoints(paths).checkpoint["state_dict"]["w"].float().item() == (1 + 3) / 2


def test_one_file_is_no_average_and_a_file_counts_once(write):
    path = write("1.pth", state(1.0))
    with pytest.raises(InputError, match="two or more"):
        average_checkpoints([path])
    with pytest.raises(InputError, match="given twice"):
        average_checkpoints([path, path])


def test_the_file_is_written_whole_and_loads_safely(write, tmp_path):
    averaged = average_checkpoints([write("1.pth", state(1.0)), write("2.pth", state(3.0))])
    save(averaged.checkpoint, tmp_path / "out/avg.pth")
    loaded = torch.load(tmp_path / "out/avg.pth", weights_only=True)
    assert loaded["state_dict"]["w"].item() == (1 + 3) / 2


def test_batch_norm_is_measured_anew_and_frozen_layers_are_left_alone():
    class Net(torch.nn.Sequential):
        def train(self, mode=True):
            super().train(mode)
            self[1].eval()
            return self

    net = Net(torch.nn.BatchNorm1d(1, momentum=0.1), torch.nn.BatchNorm1d(1))
    net[0].running_mean.fill_(99.0)
    net[1].running_mean.fill_(7.0)
    batches = [torch.tensor([[0.0], [2.0]]), torch.tensor([[4.0], [8.0]])]
    assert recompute_batch_norm(net, net, batches) == 1
    assert net[0].running_mean.item() == pytest.approx(((0 + 2) / 2 + (4 + 8) / 2) / 2)
    assert net[0].running_var.item() == pytest.approx((2 + 8) / 2)  # unbiased variances of the two batches
    assert net[0].momentum == 0.1
    assert net[1].running_mean.item() == 7.0
