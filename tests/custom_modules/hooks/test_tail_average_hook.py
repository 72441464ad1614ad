import pytest

from sortline.errors import InputError

torch = pytest.importorskip("torch")
pytestmark = pytest.mark.mm


@pytest.mark.parametrize(("begin", "iterations", "first"), [(0.75, 5500, 4126), (0.0, 10, 1), (0.5, 1, 1)])
def test_it_begins_after_a_share_of_the_run(begin, iterations, first):
    from custom_modules.hooks.tail_average_hook import first_iteration

    assert first_iteration(begin, iterations) == first


def test_the_checkpoint_holds_the_mean_of_the_last_weights(make_runner, tmp_path):
    """12 iterations of which the last half count: 7 to 12."""
    from mmengine.hooks import Hook

    from custom_modules.hooks import TailAverageHook

    class Keep(Hook):
        priority = "VERY_HIGH"

        def __init__(self):
            self.seen = []

        def after_train_iter(self, runner, *_, **__):
            self.seen.append(runner.model.layer.weight.detach().clone())

    keep = Keep()
    runner = make_runner(custom_hooks=[keep, TailAverageHook(begin=0.5)])
    runner.train()
    saved = torch.load(tmp_path / "run/epoch_3.pth", weights_only=False)["state_dict"]["layer.weight"]
    torch.testing.assert_close(saved, torch.stack(keep.seen[6:12]).mean(0))


@pytest.mark.parametrize("settings", [dict(begin=1.0), dict(begin=-0.1), dict(interval=0)])
def test_values_out_of_range_are_refused(settings):
    from custom_modules.hooks import TailAverageHook

    with pytest.raises(InputError, match="TailAverageHook"):
        TailAverageHook(**settings)
