import pytest

pytest.importorskip("torch")
pytestmark = pytest.mark.mm

SCORES = (0.5, 0.1, 0.2, 0.3, 0.4, 0.45)  # nothing better after the first


def hook(**settings):
    import custom_modules.loops  # noqa: F401
    from custom_modules.hooks import ResumableEarlyStoppingHook

    return ResumableEarlyStoppingHook(monitor="contest/mAP50", rule="greater", patience=3, min_delta=0.0, **settings)


def epochs_done(runner):
    return runner.epoch


def test_it_stops_after_its_patience(make_runner):
    runner = make_runner(scores=SCORES, epochs=6, custom_hooks=[hook()])
    runner.train()
    assert epochs_done(runner) == 1 + 3


def test_a_resumed_run_stops_where_the_whole_one_would_have(make_runner):
    """Killed after two epochs, resumed from the second: scores 3 and 4 are the second and third without a gain."""
    loop = {"type": "ResumableEpochLoop"}
    settings = {
        "custom_hooks": [hook()],
        "default_hooks": {"checkpoint": {"type": "AtomicCheckpointHook", "interval": 1}},
    }
    make_runner(scores=SCORES, **settings, train_cfg=loop | {"max_epochs": 2}).train()
    # The second epoch's checkpoint was saved before its validation, which is therefore done again.
    runner = make_runner(scores=SCORES[1:], **settings, train_cfg=loop | {"max_epochs": 6}, resume=True)
    runner.train()
    assert epochs_done(runner) == 1 + 3


def test_scores_of_another_metric_do_not_stop_a_resumed_run(make_runner):
    hooks = {"checkpoint": {"type": "AtomicCheckpointHook", "interval": 1}}
    loop = {"type": "ResumableEpochLoop"}
    settings = {"default_hooks": hooks, "train_cfg": loop | {"max_epochs": 3}}
    make_runner(scores=SCORES, custom_hooks=[hook()], **settings).train()
    other = hook()
    other.monitor = "contest/other"
    settings["train_cfg"] = loop | {"max_epochs": 5}
    runner = make_runner(scores=SCORES, custom_hooks=[other], **settings, resume=True)
    runner._val_evaluator.metrics[0].compute_metrics = lambda results: {"mAP50": 0.1, "other": 0.1}
    runner.train()
    assert epochs_done(runner) == 5
    # the validation of the third epoch is done again
    assert runner.message_hub.runtime_info["early_stopping_scores"] == [0.1] * 3


def test_validation_alone_builds_no_training_loop(make_runner):
    runner = make_runner(scores=(0.1,), custom_hooks=[hook()])
    runner.val()
    assert "early_stopping_scores" not in runner.message_hub.runtime_info
    assert not hasattr(runner._train_loop, "run")
