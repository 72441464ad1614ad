"""The gradient's norm is measured where it is logged, and nowhere else."""

import pytest

torch = pytest.importorskip("torch")

from custom_modules.hooks import GradientNormHook  # noqa: E402
from custom_modules.hooks.gradient_norm_hook import KEY, is_due  # noqa: E402

pytestmark = pytest.mark.mm


@pytest.mark.parametrize(
    ("interval", "accumulation", "due"),
    [(2, 1, [1, 3, 5]), (3, 1, [2, 5]), (3, 2, [1, 2, 4, 5]), (1, 1, [0, 1, 2, 3, 4, 5]), (2, 4, [0, 1, 2, 3, 4, 5])],
)
def test_due_before_each_log(interval, accumulation, due):
    assert [index for index in range(6) if is_due(index, interval, accumulation)] == due


def train(make_runner, interval=2, **optim_wrapper):
    """Train one epoch of four batches; return the norms by iteration and the gradients' true norms."""
    from mmengine.hooks import Hook

    true, seen = [], {}

    class Look(Hook):
        priority = "LOWEST"

        def after_train_iter(self, runner, batch_idx, data_batch=None, outputs=None):
            history = runner.message_hub.log_scalars.get(KEY)
            if history is not None:
                seen[batch_idx + 1] = history.mean(50)  # as mmengine logs it

    runner = make_runner(
        epochs=1,
        default_hooks={"logger": {"type": "LoggerHook", "interval": interval}},
        custom_hooks=[GradientNormHook(), Look()],
        optim_wrapper={"optimizer": {"type": "SGD", "lr": 0.1}, **optim_wrapper},
    )
    # As the hook is, but of every step.
    original = runner.build_optim_wrapper

    def build(wrapper):
        built = original(wrapper)
        parameters = list(runner.model.parameters())
        built.optimizer.register_step_pre_hook(
            lambda *_: true.append(sum(float((p.grad**2).sum()) for p in parameters) ** 0.5)
        )
        return built

    runner.build_optim_wrapper = build
    runner.train()
    return seen, true


def test_norms_are_those_of_the_logged_steps(make_runner):
    seen, true = train(make_runner)
    assert seen == {2: pytest.approx(true[1]), 3: pytest.approx(true[1]), 4: pytest.approx(true[3])}


def test_an_epoch_shorter_than_the_interval_is_logged_at_its_end(make_runner):
    seen, true = train(make_runner, interval=50)
    assert seen == {4: pytest.approx(true[3])}


def test_accumulated_gradients_are_measured_whole(make_runner):
    seen, true = train(make_runner, accumulative_counts=2)
    assert (seen[2], seen[4]) == (pytest.approx(true[0]), pytest.approx(true[1]))


def test_clipping_measures_for_itself(make_runner):
    seen, _ = train(make_runner, clip_grad={"max_norm": 1.0})
    assert sorted(seen) == [1, 2, 3, 4], "mmengine's own, in every step"
