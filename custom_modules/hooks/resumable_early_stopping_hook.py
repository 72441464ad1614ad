"""Early stopping that a resumed run continues."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from mmengine.dist import master_only
from mmengine.hooks import EarlyStoppingHook
from mmengine.registry import HOOKS
from mmengine.runner import BaseLoop, EpochBasedTrainLoop

from custom_modules.files import read_json, write_json

NAME = "early_stopping.json"


@HOOKS.register_module()
class ResumableEarlyStoppingHook(EarlyStoppingHook):
    """mmengine's EarlyStoppingHook, which also works in a resumed run and keeps out of tests.

    mmengine's forgets its scores when a run is resumed, so that it waits from the beginning, and makes a test build
    the training loop with all its data
    (https://github.com/open-mmlab/mmengine/blob/main/mmengine/hooks/early_stopping_hook.py). Here the scores are
    kept in the run folder's ``early_stopping.json``, by epoch (or iteration); a resumed run takes those up to its
    checkpoint.

    Args:
        **kwargs: As for mmengine's hook: ``monitor``, ``rule``, ``patience``, ``min_delta``.
    """

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.scores: dict[str, float] = {}

    def before_run(self, runner: Any) -> None:
        """Do nothing: mmengine's looks at the training loop, which it would build in a test."""

    def before_train(self, runner: Any) -> None:
        """Take over the scores of the run that is resumed; stop at once where they say so."""
        path = Path(runner.work_dir, NAME)
        kept = read_json(path) if runner._resume and path.exists() else {}
        self.scores = {step: score for step, score in kept.items() if int(step) <= _step(runner)}
        for score in self.scores.values():
            stop, reason = self._check_stop_condition(score)
            if stop:
                runner.train_loop.stop_training = True
                runner.logger.info(reason)

    def after_val_epoch(self, runner: Any, metrics: dict[str, float] | None = None) -> None:
        """Decide whether to stop, in training only, and keep the score."""
        if not isinstance(runner._train_loop, BaseLoop):
            return
        super().after_val_epoch(runner, metrics)
        if self.monitor in (metrics or {}):
            self.scores[str(_step(runner))] = float((metrics or {})[self.monitor])
            _write(Path(runner.work_dir, NAME), self.scores)


def _step(runner: Any) -> int:
    """Return how many epochs are done, or iterations where the loop counts those."""
    return int(runner.epoch if isinstance(runner.train_loop, EpochBasedTrainLoop) else runner.iter)


@master_only
def _write(path: Path, scores: dict[str, float]) -> None:
    write_json(path, scores, indent=1)
