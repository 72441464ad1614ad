"""The output files of a test: COCO results and the contest's submission."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from mmengine.dist import all_gather_object, is_main_process
from mmengine.hooks import Hook
from mmengine.registry import HOOKS

from sortline.data.annotations import read_annotations
from sortline.errors import InputError, Problem
from sortline.predictions.detections import ImageDetections, image_detections, in_file_order, to_results
from sortline.predictions.results import write_results
from sortline.predictions.submission import write_submission
from sortline.runs.run_folder import SUBMISSION


@HOOKS.register_module()
class SubmissionHook(Hook):
    """Writes ``predictions/test.bbox.json`` and ``submission.csv`` into the run folder after a test.

    It works with any batch size and number of processes. Images are in the order of the test dataset's annotation file;
    those without boxes keep their row.

    Args:
        submission: Write the submission in addition to the COCO results.
        val: Also write ``predictions/val.bbox.json`` after each validation.
        allow_missing: Write images that the model has not seen without boxes instead of raising an error, for a test of
            a few images.

    Raises:
        InputError: The model has not seen some images, or the test dataset joins several annotation files.
    """

    # After the metrics are logged, so that they are not lost if a file can't be written.
    priority = "LOW"

    def __init__(self, submission: bool = True, val: bool = False, allow_missing: bool = False) -> None:
        self.submission = submission
        self.val = val
        self.allow_missing = allow_missing
        self._detections: list[ImageDetections] = []

    def before_test_epoch(self, runner: Any) -> None:
        """Start with nothing."""
        self._detections = []

    def before_val_epoch(self, runner: Any) -> None:
        """Start with nothing."""
        self._detections = []

    def after_test_iter(
        self, runner: Any, batch_idx: int, data_batch: Any = None, outputs: Sequence[Any] | None = None
    ) -> None:
        """Store the detections of a batch."""
        self._detections += [image_detections(sample) for sample in outputs or ()]

    def after_val_iter(
        self, runner: Any, batch_idx: int, data_batch: Any = None, outputs: Sequence[Any] | None = None
    ) -> None:
        """Store the detections of a batch if ``val`` is set."""
        if self.val:
            self._detections += [image_detections(sample) for sample in outputs or ()]

    def after_test_epoch(self, runner: Any, metrics: dict[str, float] | None = None) -> None:
        """Write the files."""
        self._write(runner, "test", runner.test_dataloader.dataset, self.submission)

    def after_val_epoch(self, runner: Any, metrics: dict[str, float] | None = None) -> None:
        """Write the results if ``val`` is set."""
        if self.val:
            self._write(runner, "val", runner.val_dataloader.dataset, submission=False)

    def _write(self, runner: Any, split: str, dataset: Any, submission: bool) -> None:
        """Gather the detections of all processes and write them in the main process."""
        gathered = all_gather_object(self._detections)
        self._detections = []
        if not is_main_process():
            return
        source = leaf_dataset(dataset, f"{split}_dataloader")
        annotations = read_annotations(source.ann_file)
        everything = [found for part in gathered for found in part]
        detections = in_file_order(everything, annotations, str(source.ann_file), self.allow_missing)
        results = to_results(detections, annotations, source.cat_ids, str(source.ann_file))
        path = Path(runner.work_dir, "predictions", f"{split}.bbox.json")
        write_results(path, results)
        runner.logger.info(f"{len(results):,} boxes on {len(detections):,} images: {path}")
        if submission:
            csv_path = Path(runner.work_dir, SUBMISSION)
            summary = write_submission(csv_path, results, annotations)
            runner.logger.info(f"submission ({summary}): {csv_path}")


def leaf_dataset(dataset: Any, where: str) -> Any:
    """Return the dataset inside wrappers that reads an annotation file.

    Args:
        dataset: The dataset of a loader.
        where: The loader's key, for the message.

    Raises:
        InputError: Several datasets are joined; their image ids would collide.
    """
    while not hasattr(dataset, "ann_file"):
        children = getattr(dataset, "datasets", None) or [dataset.dataset]
        if len(children) > 1:
            what = f"joins {len(children)} annotation files; predictions belong to one"
            raise InputError(Problem(f"{where}.dataset", what, "test each file in a run of its own"))
        dataset = children[0]
    return dataset
