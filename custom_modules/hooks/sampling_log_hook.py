"""Logs what each epoch drew (images, boxes of each class, sources) and writes it to ``sampling.json``."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
from mmengine.dataset import DefaultSampler
from mmengine.dist import master_only
from mmengine.hooks import Hook
from mmengine.registry import HOOKS
from mmengine.runner import EpochBasedTrainLoop

from custom_modules.samplers.weighted_sampler import WeightedSampler, dataset_pool
from sortline.arrays import IntArray
from sortline.data.sampling_tally import DrawTally, as_record, count_drawn, draw_table, short_line
from sortline.data.sampling_weights import Pool
from sortline.files import write_json


@HOOKS.register_module()
class SamplingLogHook(Hook):
    """Logs after each training epoch what the sampler drew in all processes, compared with the data.

    The first epoch of a run is logged as a table, later ones as a line; ``sampling.json`` in the run folder holds the
    last epoch and the sum of all epochs, including those before a resume. mmengine's DefaultSampler draws each image
    once; this is logged once. Nothing is logged for other samplers, which don't reveal what all processes draw, and for
    loops by iteration, which have no epochs.

    The counts are of the images that the sampler chose. Transforms change what the model sees of them, and those of
    MultiImageMixDataset choose further images with equal probability.
    """

    # After the epoch's losses are logged.
    priority = "LOW"

    def __init__(self) -> None:
        self._tally: DrawTally | None = None

    def before_train(self, runner: Any) -> None:
        """Reset the counts."""
        self._tally = None

    @master_only
    def after_train_epoch(self, runner: Any) -> None:
        """Count, log and write the draws of the epoch."""
        if not isinstance(runner.train_loop, EpochBasedTrainLoop):
            return
        sampler = getattr(runner.train_dataloader.batch_sampler, "sampler", None)
        is_first = self._tally is None
        if is_first:
            self._tally = make_tally(sampler, runner.epoch)
        if self._tally is None:
            return
        times, pool = self._tally.advance(), self._tally.pool
        self._log(runner, times, pool, is_first, is_weighted=isinstance(sampler, WeightedSampler))
        counts = {"data": np.ones_like(times), "last_epoch": times, "all_epochs": self._tally.total}
        record = {key: as_record(count_drawn(value, pool), pool) for key, value in counts.items()}
        path = Path(runner.work_dir, "sampling.json")
        write_json(path, {"sampler": type(sampler).__name__, "epochs": self._tally.epochs, **record}, indent=1)

    def _log(self, runner: Any, times: IntArray, pool: Pool, is_first: bool, is_weighted: bool) -> None:
        line = short_line(count_drawn(times, pool), pool)
        if is_weighted:
            runner.logger.info(f"epoch {runner.epoch + 1} drew {line}")
            if is_first:
                runner.logger.info(f"drawn and in the data:\n{draw_table(count_drawn(times, pool), pool)}")
        elif is_first:
            runner.logger.info(f"each epoch draws {line}")


def make_tally(sampler: Any, epochs: int) -> DrawTally | None:
    """Return a tally that has the first epochs behind it, or None for a sampler whose draws are not known.

    Args:
        sampler: A train loader's sampler.
        epochs: Epochs before the one under way: their draws follow from the seed.
    """
    if isinstance(sampler, WeightedSampler):
        return DrawTally(sampler.pool, sampler.draw, epochs)
    if isinstance(sampler, DefaultSampler) and hasattr(sampler.dataset, "get_data_info"):
        pool = dataset_pool(sampler.dataset)
        return DrawTally(pool, lambda epoch: np.arange(len(pool.counts)), epochs)
    return None
