"""A loss that is no number ends the run and names the photos."""

import json

import pytest

torch = pytest.importorskip("torch")

from mmengine.structures import InstanceData  # noqa: E402
from PIL import Image  # noqa: E402

from custom_modules.hooks import FiniteLossHook  # noqa: E402
from sortline.errors import RunFailed  # noqa: E402

pytestmark = pytest.mark.mm


def hooks(interval=1, **settings):
    checkpoint = {"type": "AtomicCheckpointHook", "interval": interval}
    return {"checkpoint": checkpoint, "finite_loss": {"type": "FiniteLossHook", **settings}}


def spoil(runner, iteration, value=float("nan")):
    """Make the model's loss a given value from an iteration on, counted from 1."""
    forward, count = runner.model.forward, [0]

    def spoilt(inputs, mode="tensor"):
        count[0] += mode == "loss"
        outputs = forward(inputs, mode=mode)
        return {"loss": outputs["loss"] * value} if mode == "loss" and count[0] >= iteration else outputs

    runner.model.forward = spoilt


@pytest.mark.parametrize("value", [float("nan"), float("inf")])
def test_it_ends_the_run_and_leaves_the_last_sound_checkpoint(make_runner, tmp_path, value):
    runner = make_runner(default_hooks=hooks())
    spoil(runner, 6, value)
    with pytest.raises(RunFailed, match="loss is not finite in iteration 6") as caught:
        runner.train()
    folder = tmp_path / "run"
    assert str(folder / "nonfinite_loss") in str(caught.value)
    report = json.loads((folder / "nonfinite_loss/batch.json").read_text())
    assert (report["iteration"], report["epoch"], report["photos"]) == (6, 2, [])
    # Four iterations an epoch: the first epoch's checkpoint is from before.
    assert [path.name for path in folder.glob("*.pth")] == ["epoch_1.pth"]


def test_a_loss_scaler_may_look_for_its_scale_for_a_while(make_runner):
    runner = make_runner(default_hooks=hooks(interval=3, patience=3))
    runner.optim_wrapper = runner.build_optim_wrapper(runner.optim_wrapper)
    runner.optim_wrapper.loss_scaler = None
    spoil(runner, 2)
    with pytest.raises(RunFailed, match="in iteration 5"):  # the first, and three more
        runner.train()


def test_weights_that_are_no_numbers_are_not_saved(make_runner, tmp_path):
    runner = make_runner(default_hooks=hooks())
    hook = FiniteLossHook()
    weights = {"a": torch.tensor([1.0]), "b": torch.tensor([1.0, float("nan")]), "c": torch.tensor([3])}
    with pytest.raises(RunFailed, match=r"no longer finite after \d+ iterations: b"):
        hook.before_save_checkpoint(runner, {"state_dict": weights})
    hook.before_save_checkpoint(runner, {"state_dict": {"a": weights["a"], "c": weights["c"]}})


def test_the_batch_is_drawn(make_runner, tmp_path):
    from mmdet.structures import DetDataSample

    sample = DetDataSample(metainfo={"img_path": "photos/0007.jpg"})
    sample.gt_instances = InstanceData(bboxes=torch.tensor([[5.0, 5, 40, 30]]), labels=torch.tensor([1]))
    sample.ignored_instances = InstanceData(bboxes=torch.zeros(0, 4))
    batch = {"inputs": [torch.full((3, 48, 64), 128, dtype=torch.uint8)], "data_samples": [sample]}
    runner = make_runner(default_hooks=hooks())
    runner._train_loop = runner.build_train_loop(runner._train_loop)
    outputs = {"loss": torch.tensor(float("nan")), "loss_bbox": torch.tensor(0.5)}
    runner.message_hub.update_scalar("train/loss", outputs["loss"])
    with pytest.raises(RunFailed, match=r"on photos/0007\.jpg"):
        FiniteLossHook().after_train_iter(runner, 0, batch, outputs)
    folder = tmp_path / "run/nonfinite_loss"
    report = json.loads((folder / "batch.json").read_text())
    assert report["photos"] == ["photos/0007.jpg"]
    assert report["losses"] == {"loss": "nan", "loss_bbox": "0.5"}
    with Image.open(folder / "batch.png") as image:
        assert image.width > 64
