"""A runner refuses checkpoints that do not fit its model."""

import pytest

torch = pytest.importorskip("torch")

from custom_modules.hooks import CheckpointGuardHook  # noqa: E402
from sortline.errors import InputError  # noqa: E402
from sortline.weights.checkpoint_loading import install_safe_loading  # noqa: E402

pytestmark = pytest.mark.mm

GUARD = [{"type": "CheckpointGuardHook"}]


@pytest.fixture
def trained(make_runner, tmp_path):
    """Train for an epoch and return a function that saves a changed copy of the checkpoint."""
    make_runner(epochs=1, work_dir=tmp_path / "trained").train()
    checkpoint = torch.load(tmp_path / "trained" / "epoch_1.pth", weights_only=False)

    def save(classes=("a", "b"), parts=None, **state):
        checkpoint["meta"]["dataset_meta"] = {"classes": classes}
        checkpoint["state_dict"].update(state)
        checkpoint.update(parts or {})
        torch.save(checkpoint, tmp_path / "epoch_1.pth")
        return str(tmp_path / "epoch_1.pth")

    return save


def test_guard_comes_first():
    assert CheckpointGuardHook().priority == "VERY_HIGH"


def test_fitting_checkpoint_passes(make_runner, trained):
    make_runner(custom_hooks=GUARD, load_from=trained()).val()
    make_runner(custom_hooks=GUARD, load_from=trained(), resume=True).train()


@pytest.mark.parametrize(
    ("changes", "what"),
    [
        pytest.param({"layer.bias": torch.zeros(5)}, r"layer.bias is \[5\] instead of \[1\]", id="other-shape"),
        pytest.param({"classes": ("b", "a")}, "another order: b, a", id="other-order"),
    ],
)
def test_testing_and_resuming_refuse(make_runner, trained, changes, what):
    path = trained(**changes)
    with pytest.raises(InputError, match=what):
        make_runner(custom_hooks=GUARD, load_from=path).val()
    with pytest.raises(InputError, match=what):
        make_runner(custom_hooks=GUARD, load_from=path, resume=True).train()


def test_training_starts_from_what_fits(make_runner, trained, capsys):
    path = trained(**{"layer.bias": torch.zeros(5), "classes": ("b", "a")})
    make_runner(custom_hooks=GUARD, load_from=path, log_level="INFO").train()
    assert "1 of the model's 2 weights fit; these start fresh: layer.bias" in capsys.readouterr().out


def test_training_refuses_another_architecture(make_runner, tmp_path):
    torch.save({"state_dict": {"other.weight": torch.zeros(1)}}, tmp_path / "other.pth")
    with pytest.raises(InputError, match="0 of the model's 2 weights fit"):
        make_runner(custom_hooks=GUARD, load_from=str(tmp_path / "other.pth")).train()


@pytest.mark.parametrize(("by_epoch", "unit"), [(True, "epoch"), (False, "iter")])
def test_a_run_is_not_resumed_by_a_config_that_trains_for_less(make_runner, tmp_path, by_epoch, unit):
    hooks = {"checkpoint": {"type": "CheckpointHook", "interval": 2, "by_epoch": by_epoch}}
    run = {"by_epoch": by_epoch, "work_dir": tmp_path / "run"}
    make_runner(epochs=2, default_hooks=hooks, **run).train()
    again = {"custom_hooks": GUARD, "load_from": str(tmp_path / f"run/{unit}_2.pth"), "resume": True, **run}
    make_runner(epochs=2, **again).train()
    with pytest.raises(InputError, match=f"has completed 2 {unit}s, and the config trains for 1"):
        make_runner(epochs=1, **again).train()


@pytest.mark.parametrize(
    ("parts", "what"),
    [
        ({"meta": ["a"]}, r"meta is \['a'\], not a dict"),
        ({"meta": {"epoch": "x", "iter": 1}}, "meta.epoch is 'x', not a whole number"),
        ({"meta": {"epoch": -1, "seed": "x"}}, "can't be resumed: .* under meta.epoch, meta.iter, meta.seed"),
        ({"message_hub": [1], "optimizer": [1], "training_state": 3}, "under message_hub, optimizer, training_state"),
        ({"message_hub": {"log_scalars": {}, "runtime_info": {3: 4}, "resumed_keys": {}}}, "under message_hub"),
        ({"message_hub": {"log_scalars": {}, "runtime_info": {}}}, "under message_hub"),
        ({"state_dict": ["a"]}, "0 of the model's 2 weights fit"),
        ({"state_dict": {"layer.weight": 3, 4: 5}}, "0 of the model's 2 weights fit"),
    ],
)
def test_hand_made_checkpoints_are_refused(make_runner, trained, parts, what):
    path = trained(parts=parts)
    with pytest.raises(InputError, match=what):
        make_runner(custom_hooks=GUARD, load_from=path, resume=True).train()


def test_the_config_text_of_a_checkpoint_is_not_run(make_runner, trained, tmp_path):
    """mmengine runs ``meta.config`` as Python when a run is resumed."""
    install_safe_loading()
    traces = tmp_path / "traces"
    meta = {"epoch": 0, "iter": 0, "config": f"open({str(traces)!r}, 'w').write('it ran')\nmodel = dict(type='Toy')"}
    make_runner(custom_hooks=GUARD, load_from=trained(parts={"meta": meta}), resume=True).train()
    assert not traces.exists()
