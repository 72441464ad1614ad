"""The validation predictions of the best checkpoint, kept beside it."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from mmengine.dist import master_only
from mmengine.hooks import Hook
from mmengine.registry import HOOKS

from custom_modules.metrics.contest_metric import last_evaluated
from sortline.predictions.results import write_results
from sortline.runs.run_folder import VAL_PREDICTIONS


@HOOKS.register_module()
class BestPredictionsHook(Hook):
    """Writes ``predictions/val.bbox.json`` whenever a training has saved a new best checkpoint.

    They are the detections that were scored, so that analyses of a run's best epoch need no model. Outside of training
    :class:`~custom_modules.hooks.submission_hook.SubmissionHook` writes the file.
    """

    # After the checkpoint hook, which decides which one is the best.
    priority = "LOWEST"

    def __init__(self) -> None:
        self._best: str | None = None

    def before_train(self, runner: Any) -> None:
        """Remember which checkpoint the existing file of a resumed run belongs to."""
        if Path(runner.work_dir, VAL_PREDICTIONS).exists():
            self._best = _best_checkpoint(runner)

    @master_only
    def after_val_epoch(self, runner: Any, metrics: dict[str, float] | None = None) -> None:
        """Write the detections if they are the best so far."""
        best = _best_checkpoint(runner)
        evaluated = last_evaluated(runner.val_evaluator)
        if best != self._best and evaluated is not None:
            write_results(Path(runner.work_dir, VAL_PREDICTIONS), evaluated.results)
            self._best = best


def _best_checkpoint(runner: Any) -> str | None:
    """Return the name of the current training's best checkpoint; None without a training, and before the first one."""
    path = runner.message_hub.runtime_info.get("best_ckpt")
    return Path(path).name if path else None
