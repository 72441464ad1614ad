"""Sends trackers more than numbers: pictures of each validation, files, and notes."""

from __future__ import annotations

import time
from datetime import timedelta
from pathlib import Path
from typing import Any

from mmengine.dist import is_main_process
from mmengine.hooks import Hook
from mmengine.registry import HOOKS

from custom_modules.hooks.submission_hook import leaf_dataset
from custom_modules.metrics.contest_metric import last_evaluated
from sortline.pipeline.check.training import refuse_arguments
from sortline.runs.named_score import best_in_training, shown
from sortline.runs.run_folder import run_identity
from sortline.runs.run_record import read_record
from sortline.tracking import facts
from sortline.tracking.trackers import trackers_of
from sortline.tracking.validation_facts import PhotoSettings, ValidationFacts


@HOOKS.register_module()
class TrackingHook(Hook):
    """Sends every tracker of a run charts, photos, files and notes.

    After each validation: the confusion matrix, precision-recall curves, and a few photos with annotations and
    detections, chosen at the first validation (the worst, the best, some at random) and then kept. At the start and at
    the end: the files that the run reads and writes. At the end of a training: a note.

    It never stops the run: failures are logged as warnings.

    Args:
        photos: Photos of each of the three groups; 0 for none.
        photo_side: Pixels of a photo's longer side.
        max_boxes: Maximum number of detections shown on a photo, by score.
        score_thr: Minimum score of these.
        interval: Number of validations between two sets of pictures.
        checkpoint: Whether to upload the best checkpoint at the end of a training.

    Raises:
        InputError: A number is out of its range.
    """

    # After the checkpoint hook has named the best checkpoint; before after_run, where the trackers are closed.
    priority = "LOWEST"

    def __init__(
        self,
        photos: int = 4,
        photo_side: int = 512,
        max_boxes: int = 30,
        score_thr: float = 0.05,
        interval: int = 1,
        checkpoint: bool = True,
    ) -> None:
        numbers = dict(photos=photos, photo_side=photo_side, max_boxes=max_boxes, interval=interval)
        refuse_arguments("TrackingHook", **numbers, score_thr=score_thr)
        self.settings = PhotoSettings(photos, photo_side, max_boxes, score_thr)
        self.interval = interval
        self.checkpoint = checkpoint
        self._validations = 0
        self._started = time.monotonic()
        self._facts: ValidationFacts | None = None

    def before_train(self, runner: Any) -> None:
        """Hand over what the run depends on, and remember the photos of a run that is resumed."""
        self._started = time.monotonic()
        self._safely(runner, self._hand_over_start, runner)

    def after_val_epoch(self, runner: Any, metrics: dict[str, float] | None = None) -> None:
        """Show what was found."""
        self._validations += 1
        if (self._validations - 1) % self.interval == 0:
            self._safely(runner, self._show, runner)

    def after_train(self, runner: Any) -> None:
        """Hand over the best checkpoint, its predictions and the record of the whole run, and note the end."""
        self._safely(runner, self._hand_over_end, runner)

    def before_test(self, runner: Any) -> None:
        """Link the test to the training whose checkpoint it uses."""
        self._safely(runner, self._hand_over_used, runner)

    def after_test(self, runner: Any) -> None:
        """Hand over predictions and submission."""
        for files in facts.tested_files(run_name(runner), Path(runner.work_dir)):
            self._safely(runner, self._hand_over, runner, files)

    def _show(self, runner: Any) -> None:
        evaluated = last_evaluated(runner.val_evaluator)
        if evaluated is None:
            return
        if self._facts is None:
            self._facts = ValidationFacts(Path(runner.work_dir), self.settings)
        dataset = leaf_dataset(runner.val_dataloader.dataset, "val_dataloader")
        root = dataset.data_prefix.get("img") or ""
        for name, fact in self._facts.draw_up(evaluated, root).items():
            for tracker in trackers_of(runner.visualizer):
                tracker.track(name, fact)

    def _hand_over_start(self, runner: Any) -> None:
        folder = Path(runner.work_dir)
        self._facts = ValidationFacts(folder, self.settings)
        if runner._resume:
            self._facts.recall_choice()
        record = read_record(folder)
        if record is not None:
            self._hand_over(runner, facts.data_files(record))
            self._hand_over(runner, facts.record_files(run_name(runner), folder, record))

    def _hand_over_end(self, runner: Any) -> None:
        name, hub, folder = run_name(runner), runner.message_hub, Path(runner.work_dir)
        best = hub.get_info("best_ckpt", None)
        last = best or hub.get_info("last_ckpt", None)
        if self.checkpoint and last:
            self._hand_over(runner, facts.model_files(name, Path(last), bool(best)))
        if best:
            self._hand_over(runner, facts.validation_files(name, folder))
        record = read_record(folder)
        if record is not None:
            self._hand_over(runner, facts.record_files(name, folder, record))
        took = timedelta(seconds=round(time.monotonic() - self._started))
        score = best_in_training(hub.runtime_info, runner.cfg)
        text = f"{runner.epoch} epochs, {runner.iter:,} iterations, {took} since the last start"
        text += f", best {shown(score)}" if score else ""
        self._note(runner, facts.Note(f"finished: {name}"[:64], text))

    def _hand_over_used(self, runner: Any) -> None:
        if runner._load_from:
            checkpoint = Path(runner._load_from)
            name = run_name(runner, checkpoint.parent)
            self._hand_over(runner, facts.used_model(name, checkpoint))

    def _hand_over(self, runner: Any, files: facts.Files) -> None:
        for tracker in trackers_of(runner.visualizer):
            tracker.track_files(files)

    def _note(self, runner: Any, note: facts.Note) -> None:
        if is_main_process():
            for tracker in trackers_of(runner.visualizer):
                tracker.note(note)

    def _safely(self, runner: Any, action: Any, *args: Any) -> None:
        """Do something in the main process; what it raises is logged."""
        if not is_main_process() or not trackers_of(runner.visualizer):
            return
        try:
            action(*args)
        except Exception as error:
            runner.logger.warning(f"not tracked: {type(error).__name__}: {error}")


def run_name(runner: Any, folder: Path | None = None) -> str:
    """Return the name that a run is tracked by; its folder's, if another is meant than the runner's own."""
    config = runner.cfg
    where = folder or Path(runner.work_dir)
    return str(run_identity(config.filename or where, where, "train", config.get("fold"))["name"])
