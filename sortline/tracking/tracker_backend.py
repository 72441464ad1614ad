"""What all trackers have in common: facts as well as numbers, no repeated steps, and no way to stop a run."""

from __future__ import annotations

import logging
from abc import abstractmethod
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch
from mmengine.config import Config
from mmengine.logging import MessageHub, print_log
from mmengine.visualization import BaseVisBackend

from sortline.arrays import UInt8Array
from sortline.predictions.error_analysis import Confusion
from sortline.secrets import without_secrets
from sortline.tracking.delivery import Background, RowJournal
from sortline.tracking.facts import FINISHED, Ending, Files, Note
from sortline.tracking.validation_facts import Curves, Photos

#: Seconds that the end of a run waits for what is still to be sent.
FINISH_SECONDS = 90.0
#: Folder of the run folder that keeps what trackers were given.
JOURNALS = "tracked_rows"


class TrackerBackend(BaseVisBackend):  # mmengine has no types
    """A visualization backend that a tracker's own calls are plugged into.

    - A tracker is started by its first use, in the caller's thread; everything after that is done in the background,
      in order, so that a slow network never holds up a step.
    - Whatever goes wrong gives one warning and ends the tracking, not the run.
    - Everything lies on one axis, the number of training iterations done: mmengine passes iterations with the losses
      and epochs with the scores.
    - A resumed run repeats the steps since its checkpoint; rows that were handed over before are not tracked again,
      and those that a kill or a broken network has lost are handed over once more.

    A tracker defines :meth:`_start`, :meth:`_put_config`, :meth:`_put_scalars`, :meth:`_put_image`,
    :meth:`_put_fact`, :meth:`_put_note`, :meth:`_put_files` and :meth:`_end`.

    Args:
        save_dir: Folder of mmengine's visualizer; the config's ``work_dir`` is used where there is one.
    """

    #: The tracker's name, which is also that of its package.
    name = ""

    def __init__(self, save_dir: str) -> None:
        super().__init__(save_dir)
        self._work_dir = save_dir
        self._resume = False
        self._config: Config | None = None
        self._run: Any = None
        self._disabled = False
        self._background: Background | None = None
        self._journal: RowJournal | None = None

    @property
    def experiment(self) -> Any:
        """The tracker's own object; None if there is no tracking."""
        self._init_env()
        return self._run

    def add_config(self, config: Config, **kwargs: Any) -> None:
        """Start the run and record the config. mmengine's runner calls this first."""
        if self._run is None:
            self._config = config
            self._work_dir = config.get("work_dir") or self._save_dir
            self._resume = bool(config.get("resume"))
        self._in_background(self._put_config, without_secrets(config.to_dict()))

    def add_scalar(self, name: str, value: Any, step: int = 0, **kwargs: Any) -> None:
        """Record a number."""
        self.add_scalars({name: value}, step)

    def add_scalars(
        self, scalar_dict: dict[str, Any], step: int = 0, file_path: str | None = None, **kwargs: Any
    ) -> None:
        """Record numbers that belong together."""
        self._init_env()
        row, done = {key: plain(value) for key, value in scalar_dict.items()}, iterations_done(step)
        if self._is_new(done, row):
            self._in_background(self._put_new_scalars, row, done)

    def add_image(self, name: str, image: UInt8Array, step: int = 0, **kwargs: Any) -> None:
        """Record an RGB image."""
        self._in_background(self._put_new, self._put_image, name, image.copy(), iterations_done(step))

    def add_graph(self, model: torch.nn.Module, data_batch: Sequence[dict[str, Any]], **kwargs: Any) -> None:
        """Leave the model's graph out."""

    def track(self, name: str, fact: Confusion | Curves | Photos, step: int = 0) -> None:
        """Record a fact of a validation.

        Args:
            name: Name that it is found by.
            fact: What is shown.
            step: Iterations done, outside of training.
        """
        self._in_background(self._put_new, self._put_fact, name, fact, iterations_done(step))

    def note(self, note: Note) -> None:
        """Tell a person."""
        self._in_background(self._put_note, note)

    def track_files(self, files: Files) -> None:
        """Record files that the run made or started from; those that are absent are left out."""
        if any(path.is_file() for path in files.paths.values()):
            self._in_background(self._put_files, files)

    def interrupt(self, ending: Ending) -> None:
        """Tell that the run ends before its time, and close."""
        if self._run is not None:
            self.note(ending.note)
        self.close(ending.status)

    def close(self, status: str = FINISHED) -> None:
        """End the run.

        Args:
            status: ``"finished"``, ``"interrupted"`` or ``"failed"``.
        """
        if self._background is None or self._run is None:
            return
        if not self._disabled:
            self._background.do(lambda: None if self._disabled else self._end(status))
        if not self._background.finish(FINISH_SECONDS):
            self._warn(f"not everything was sent within {FINISH_SECONDS:g} seconds")
        self._disabled, self._run = True, None
        if self._journal is not None:
            self._journal.close()
            self._journal = None

    def _init_env(self) -> None:
        """Start the tracker if it is not."""
        if self._run is not None or self._disabled:
            return
        try:
            self._run = self._start()
            if self._run is not None and self._is_training():
                self._journal = RowJournal(Path(self._work_dir) / JOURNALS / f"{self.name}.jsonl", self._resume)
        except Exception as error:
            self._give_up(error)
        self._disabled |= self._run is None
        if not self._disabled:
            self._background = Background(self._give_up)
            self._background.do(self._begin_and_catch_up)

    def _is_new(self, step: int, row: Mapping[str, Any]) -> bool:
        """Keep a row in the journal; tell whether it was not there."""
        try:
            return self._journal is None or self._journal.add(step, row)
        except OSError as error:  # a full disk
            self._give_up(error)
            return False

    def _begin_and_catch_up(self) -> None:
        """Finish the start, then hand over what a resumed run had handed over and the tracker does not have."""
        self._begin()
        for step, row in self._journal.earlier if self._journal is not None else ():
            self._put_new_scalars(row, step)

    def _in_background(self, action: Any, *args: Any) -> None:
        """Queue a call of the tracker."""
        self._init_env()
        if self._disabled or self._background is None:
            return
        if not self._background.do(lambda: None if self._disabled else action(*args)):
            self._give_up(TimeoutError("it has stopped taking what is sent"))

    def _give_up(self, error: Exception) -> None:
        """Warn once and track nothing from here on."""
        if self._disabled:
            return
        self._disabled = True
        hint = f" (pip install {self.name})" if isinstance(error, ImportError) else ""
        reason = without_secrets(f"{type(error).__name__}: {error}".partition("\n")[0])
        self._warn(f"not tracking from here on{hint}: {reason}")

    def _warn(self, text: str) -> None:
        print_log(f"{self.name}: {text}", "current", logging.WARNING)

    def _say(self, text: str) -> None:
        print_log(f"{self.name}: {text}", "current")

    def _put_new_scalars(self, row: Mapping[str, Any], step: int) -> None:
        new = {key: value for key, value in row.items() if step > self._last_step(key)}
        if new:
            self._put_scalars(new, step)

    def _put_new(self, put: Any, name: str, value: Any, step: int) -> None:
        if step > self._last_step(name):
            put(name, value, step)

    def _last_step(self, key: str) -> int:
        """Return the last step at which a resumed run has this key on record; -1 where there is none."""
        return -1

    def _is_training(self) -> bool:
        """Tell whether the run is a training, which can be resumed."""
        return True

    @abstractmethod
    def _start(self) -> Any:
        """Start the run and return the tracker's own object; None where the user wants no tracking."""

    def _begin(self) -> None:
        """Do what else a start needs, in the background."""

    @abstractmethod
    def _put_config(self, content: dict[str, Any]) -> None:
        """Record the config, secrets left out."""

    @abstractmethod
    def _put_scalars(self, row: Mapping[str, Any], step: int) -> None:
        """Record numbers."""

    @abstractmethod
    def _put_image(self, name: str, rgb: UInt8Array, step: int) -> None:
        """Record an image, shape ``(H, W, 3)``."""

    @abstractmethod
    def _put_fact(self, name: str, fact: Any, step: int) -> None:
        """Record a fact of a validation."""

    @abstractmethod
    def _put_note(self, note: Note) -> None:
        """Tell a person."""

    @abstractmethod
    def _put_files(self, files: Files) -> None:
        """Record files."""

    @abstractmethod
    def _end(self, status: str) -> None:
        """End the run."""


def iterations_done(step: int) -> int:
    """Return the number of training iterations done, which mmengine's message hub knows.

    Args:
        step: What to return outside of training, as in a test.
    """
    info = MessageHub.get_current_instance().runtime_info
    # The hub holds the index of the iteration that was started last.
    return int(info["iter"]) + 1 if "iter" in info else step


def plain(value: Any) -> Any:
    """Turn a tensor or array of one element into a number."""
    is_array = isinstance(value, torch.Tensor | np.ndarray | np.generic)
    return value.item() if is_array and np.prod(value.shape) == 1 else value
