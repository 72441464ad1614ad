import json

import pytest

pytest.importorskip("torch")
pytestmark = pytest.mark.mm

SCORES = (0.5, 0.1, 0.2, 0.3, 0.4, 0.45)  # nothing better after the first


def hook(**settings):
    from custom_modules.hooks import ResumableEarlyStoppingHook

    return ResumableEarlyStoppingHook(monitor="contest/mAP50", rule="greater", patience=3, min_delta=0.0, **settings)


def epochs_done(runner):
    return runner.epoch


def test_it_stops_after_its_patience(make_runner):
    runner = make_runner(scores=SCORES, epochs=6, custom_hooks=[hook()])
    runner.train()
    assert epochs_done(runner) == 1 + 3


def test_a_resumed_run_stops_where_the_whole_one_would_have(make_runner, tmp_path):
    """Killed after two epochs, resumed from the second: scores 3 and 4 are the second and third without a gain."""
    make_runner(scores=SCORES, epochs=2, custom_hooks=[hook()]).train()
    kept = json.loads((tmp_path / "run/early_stopping.json").read_text())
    assert kept == {"1": 0.5, "2": 0.1}
    runner = make_runner(scores=SCORES[2:], epochs=6, custom_hooks=[hook()], resume=True)
    runner.train()
    assert epochs_done(runner) == 1 + 3


def test_scores_behind_the_checkpoint_are_forgotten(make_runner, tmp_path):
    make_runner(scores=SCORES, epochs=2, custom_hooks=[hook()]).train()
    (tmp_path / "run/early_stopping.json").write_text(json.dumps({"1": 0.5, "2": 0.1, "3": 0.9}))
    runner = make_runner(scores=SCORES[2:], epochs=6, custom_hooks=[hook()], resume=True)
    runner.train()
    assert epochs_done(runner) == 1 + 3


def test_a_new_run_does_not_take_over_an_old_ones_scores(make_runner, tmp_path):
    (tmp_path / "run").mkdir()
    (tmp_path / "run/early_stopping.json").write_text(json.dumps({"1": 0.9}))
    runner = make_runner(scores=(0.1, 0.2, 0.3), epochs=3, custom_hooks=[hook()])
    runner.train()
    assert epochs_done(runner) == 3


def test_validation_alone_builds_no_training_loop(make_runner, tmp_path):
    runner = make_runner(scores=(0.1,), custom_hooks=[hook()])
    runner.val()
    assert not (tmp_path / "run/early_stopping.json").exists()
    assert not hasattr(runner._train_loop, "run")
