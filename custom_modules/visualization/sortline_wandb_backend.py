"""Tracking with Weights & Biases that works without a login and never stops a run."""

from __future__ import annotations

import logging
import os
import sys
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch
from mmengine.config import Config
from mmengine.logging import MessageHub, print_log
from mmengine.registry import VISBACKENDS
from mmengine.visualization import WandbVisBackend

from custom_modules.experiments.tracking import (
    new_run_id,
    run_id_to_use,
    shows_secret,
    tracking_mode,
    without_secrets,
)

STEP = "global_step"
PROJECT = "sortline"
SETTINGS = {
    "console": "off",  # the log is kept as a file already
    "silent": True,
    "init_timeout": 15,  # seconds to wait for the server before going on offline
    "finish_timeout": 60,  # seconds to wait at the end for what is not yet uploaded; it stays on the disk
    "reinit": "finish_previous",  # a test after a training in one process is a run of its own
}


@VISBACKENDS.register_module()
class SortlineWandbBackend(WandbVisBackend):
    """mmengine's wandb backend, with one true step, a run that can be resumed, and no way to break a training.

    - Without a login (or a network) the run is tracked in ``<work_dir>/wandb``, and a line says how to upload it.
    - Everything lies on one axis, the number of training iterations done: mmengine passes iterations with the
      losses and epochs with the scores, and its backend drops both.
    - A resumed training continues the same wandb run, whose id is kept in ``<work_dir>/wandb_run_id``.
    - Whatever goes wrong in wandb gives one warning and ends the tracking, not the run.
    - The config is kept without passwords and the like, and no code is uploaded: ``run.json`` says which it was.

    wandb is imported when there is something to track, not before.

    Args:
        save_dir: Folder of mmengine's visualizer; the config's ``work_dir`` is used where there is one.
        init_kwargs: Arguments of ``wandb.init``, of which ``run_identity`` makes the first ones. Those of the
            config win over what is chosen here, ``mode`` and ``settings`` included.
        define_metric_cfg: Further metrics to define, as for mmengine's backend.
        watch_kwargs: Arguments of ``wandb.watch``, used if the model's graph is asked for.
    """

    def __init__(
        self,
        save_dir: str,
        init_kwargs: Mapping[str, Any] | None = None,
        define_metric_cfg: Mapping[str, str] | Sequence[Mapping[str, Any]] | None = None,
        watch_kwargs: Mapping[str, Any] | None = None,
    ) -> None:
        super().__init__(
            save_dir,
            init_kwargs=dict(init_kwargs or {}),
            define_metric_cfg=define_metric_cfg,
            watch_kwargs=dict(watch_kwargs or {}),
        )
        self._work_dir = save_dir
        self._resume = False
        self._run: Any = None
        self._disabled = False

    @property
    def experiment(self) -> Any:
        """wandb's run; None if there is no tracking."""
        self._safely(lambda run: None)
        return self._run

    def add_config(self, config: Config, **kwargs: Any) -> None:
        """Start the run and record the config. mmengine's runner calls this first."""
        if self._run is None:
            self._work_dir = config.get("work_dir") or self._save_dir
            self._resume = bool(config.get("resume"))
        content = without_secrets(config.to_dict())
        # A run that is resumed may have another batch size or path than before.
        self._safely(lambda run: run.config.update(content, allow_val_change=True))

    def add_graph(self, model: torch.nn.Module, data_batch: Sequence[dict[str, Any]], **kwargs: Any) -> None:
        """Let wandb watch the model's gradients."""
        self._safely(lambda run: run.watch(model, **self._watch_kwargs))

    def add_image(self, name: str, image: np.ndarray, step: int = 0, **kwargs: Any) -> None:
        """Record an RGB image."""

        def log(run: Any) -> None:
            from wandb import Image

            run.log({name: Image(image), STEP: iterations_done(step)})

        self._safely(log)

    def add_scalar(self, name: str, value: Any, step: int = 0, **kwargs: Any) -> None:
        """Record a number."""
        self.add_scalars({name: value}, step)

    def add_scalars(
        self, scalar_dict: dict[str, Any], step: int = 0, file_path: str | None = None, **kwargs: Any
    ) -> None:
        """Record numbers that belong together."""
        row = {key: plain(value) for key, value in scalar_dict.items()}
        self._safely(lambda run: run.log({**row, STEP: iterations_done(step)}))

    def close(self) -> None:
        """End the run and say how to upload it if it is not."""
        run, self._run = self._run, None
        if run is None or self._disabled:
            return
        self._disabled = True
        try:
            run.finish()
            if run.offline:
                print_log(f"wandb: upload this run with: wandb sync {_shown(run.settings.sync_dir)}", "current")
        except Exception as error:
            self._give_up(error)

    def _safely(self, action: Callable[[Any], Any]) -> None:
        """Do something with the run, started if need be; an error ends the tracking."""
        if self._disabled:
            return
        try:
            if self._run is None:
                self._run = self._start()
            if self._run is not None:
                action(self._run)
        except Exception as error:
            self._give_up(error)

    def _give_up(self, error: Exception) -> None:
        self._disabled = True
        hint = " (pip install wandb)" if isinstance(error, ImportError) else ""
        reason = f"{type(error).__name__}: {error}".partition("\n")[0]
        print_log(f"wandb: not tracking from here on{hint}: {reason}", "current", logging.WARNING)

    def _start(self) -> Any:
        """Start the run, offline if the server does not answer; None if the user wants no tracking."""
        options = self._options()
        if options["mode"] == "disabled":
            self._disabled = True
            return None
        # Said before wandb is imported, this silences the lines that its settings come too late for.
        os.environ.setdefault("WANDB_SILENT", "true")
        import wandb

        Path(options["dir"]).mkdir(parents=True, exist_ok=True)
        try:
            run = wandb.init(**options)
        except wandb.errors.Error as error:
            if options["mode"] == "offline":
                raise
            reason = str(error).partition("\n")[0]
            print_log(f"wandb: going on offline: {reason}", "current", logging.WARNING)
            wandb.teardown()  # its service would hold on to the run's id
            run = wandb.init(**{**options, "mode": "offline"})
        self._define_metrics(run)
        where = f"offline in {_shown(run.settings.sync_dir)}" if run.offline else f"at {run.url}"
        print_log(f"wandb: tracking {where}", "current")
        return run

    def _options(self) -> dict[str, Any]:
        """Put together the arguments of ``wandb.init``; those of the config win."""
        given = self._init_kwargs
        options = {
            "dir": str(self._work_dir),
            "mode": tracking_mode(os.environ),
            "project": os.environ.get("WANDB_PROJECT") or PROJECT,
            **given,
        }
        settings = {key: value for key, value in SETTINGS.items() if f"WANDB_{key.upper()}" not in os.environ}
        if shows_secret(sys.argv):
            settings["x_disable_meta"] = True  # it would record the command line
        options["settings"] = {**settings, **(given.get("settings") or {})}
        if "id" not in given and options["mode"] != "disabled" and "WANDB_RUN_ID" not in os.environ:
            options |= self._run_id()
        return options

    def _run_id(self) -> dict[str, str]:
        """Choose the run's id. Only a training keeps it: a test in the same folder is another run."""
        if self._init_kwargs.get("job_type", "train") != "train":
            return {"id": new_run_id()}
        run_id = run_id_to_use(self._work_dir, self._resume)
        return {"id": run_id, "resume": "allow"} if self._resume else {"id": run_id}

    def _define_metrics(self, run: Any) -> None:
        """Put everything on the axis of training iterations, then add what the config defines."""
        run.define_metric(STEP, hidden=True)
        run.define_metric("*", step_metric=STEP)
        further = self._define_metric_cfg or {}
        if isinstance(further, Mapping):
            further = [{"name": name, "summary": summary} for name, summary in further.items()]
        for metric in further:
            run.define_metric(**{"step_metric": STEP, **metric})


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


def _shown(folder: str) -> str:
    """Shorten a path below the current folder."""
    relative = os.path.relpath(folder)
    return folder if relative.startswith("..") else relative
