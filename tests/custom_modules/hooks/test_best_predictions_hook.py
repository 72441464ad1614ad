"""The best epoch's detections are kept, and no other's."""

import json
from pathlib import Path
from types import SimpleNamespace

import pytest
from fact_cases import validation

pytest.importorskip("mmengine")

from custom_modules.hooks import BestPredictionsHook
from custom_modules.metrics.contest_metric import ContestMetric
from sortline.runs.run_folder import VAL_PREDICTIONS

pytestmark = pytest.mark.mm


@pytest.fixture
def runner(tmp_path):
    metric = ContestMetric(ann_file="val.json")
    return SimpleNamespace(
        work_dir=str(tmp_path),
        message_hub=SimpleNamespace(runtime_info={}),
        val_evaluator=SimpleNamespace(metrics=[object(), metric]),
        metric=metric,
    )


def validate(hook, runner, boxes, best=None):
    """Score so many boxes, after which the checkpoint hook names the best checkpoint."""
    found = validation()
    runner.metric.evaluated = found.take(found.results.image_ids < boxes)
    if best:
        runner.message_hub.runtime_info["best_ckpt"] = f"/elsewhere/{best}"
    hook.after_val_epoch(runner)
    path = Path(runner.work_dir, VAL_PREDICTIONS)
    return len(json.loads(path.read_text())) if path.exists() else None


def test_written_with_each_new_best_checkpoint_alone(runner):
    hook = BestPredictionsHook()
    hook.before_train(runner)
    assert validate(hook, runner, 1) is None, "nothing is best where no checkpoint is chosen"
    assert validate(hook, runner, 2, best="best_epoch_2.pth") == 2
    assert validate(hook, runner, 3) == 2
    assert validate(hook, runner, 4, best="best_epoch_4.pth") == 4


def test_a_resumed_run_keeps_the_file_of_its_best_checkpoint(runner):
    first = BestPredictionsHook()
    validate(first, runner, 2, best="best_epoch_2.pth")
    resumed = BestPredictionsHook()
    resumed.before_train(runner)
    assert validate(resumed, runner, 3) == 2
    assert validate(resumed, runner, 4, best="best_epoch_4.pth") == 4


def test_nothing_is_written_where_nothing_was_scored(runner):
    hook = BestPredictionsHook()
    runner.message_hub.runtime_info["best_ckpt"] = "best_epoch_1.pth"
    hook.after_val_epoch(runner)
    assert not Path(runner.work_dir, VAL_PREDICTIONS).exists()
