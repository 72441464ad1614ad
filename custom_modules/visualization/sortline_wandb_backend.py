"""Tracking with Weights & Biases that works without a login and never stops a run."""

from __future__ import annotations

import logging
import os
import shlex
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from mmengine.logging import print_log
from mmengine.registry import VISBACKENDS

from sortline.arrays import UInt8Array
from sortline.secrets import shows_secret
from sortline.tracking.facts import FAILED, FINISHED, INTERRUPTED, Files, Note
from sortline.tracking.tracker_backend import TrackerBackend
from sortline.tracking.wandb_files import STEP, steps_on_record
from sortline.tracking.wandb_objects import wandb_artifact, wandb_object
from sortline.tracking.wandb_run import keep_run_id, new_run_id, run_id_to_use, tracking_mode

PROJECT = "sortline"
SETTINGS = {
    "console": "off",  # the log is kept as a file already
    "silent": True,
    "init_timeout": 15,  # seconds to wait for the server before going on offline
    "finish_timeout": 60,  # seconds to wait at the end for what is not yet uploaded; it stays on the disk
    "x_transaction_log_flush_interval": 1.0,  # seconds whose pictures a kill may cost; by default 15
    "reinit": "finish_previous",  # a test after a training in one process is a run of its own
}
EXIT_CODES = {FINISHED: 0, INTERRUPTED: 1, FAILED: 1}


@VISBACKENDS.register_module()
class SortlineWandbBackend(TrackerBackend):
    """Weights & Biases, with one true step, a run that can be resumed, and no way to break a training.

    - Without a login (or a network) the run is tracked in ``<work_dir>/wandb``, and a line says how to upload it.
    - A resumed training continues the same wandb run, whose id is kept in ``<work_dir>/wandb_run_id``. Offline, that
      is one more file for the same run, which ``wandb sync`` appends; rows that the earlier ones hold are not
      repeated.
    - The config is kept without passwords and the like, and no code is uploaded: ``run.json`` says which it was.

    wandb is imported when there is something to track, not before.

    Args:
        save_dir: Folder of mmengine's visualizer; the config's ``work_dir`` is used where there is one.
        init_kwargs: Arguments of ``wandb.init``, of which ``run_identity`` makes the first ones. Those of the
            config win over what is chosen here, ``mode`` and ``settings`` included.
        define_metric_cfg: Further metrics to define, as for mmengine's backend.
    """

    name = "wandb"

    def __init__(
        self,
        save_dir: str,
        init_kwargs: Mapping[str, Any] | None = None,
        define_metric_cfg: Mapping[str, str] | Sequence[Mapping[str, Any]] | None = None,
    ) -> None:
        super().__init__(save_dir)
        self._init_kwargs = dict(init_kwargs or {})
        self._define_metric_cfg = define_metric_cfg
        self._on_record: dict[str, int] = {}

    def _start(self) -> Any:
        """Start the run, offline if the server does not answer; None if the user wants no tracking."""
        options = self._options()
        if options["mode"] == "disabled":
            return None
        # Said before wandb is imported, this silences the lines that its settings come too late for.
        os.environ.setdefault("WANDB_SILENT", "true")
        # Files that wait for their upload stay in the run folder, not in the home folder of one machine.
        os.environ.setdefault("WANDB_DATA_DIR", str(Path(options["dir"]).resolve() / "wandb"))
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
        if options.get("resume"):
            next_row = None if run.offline else run.starting_step
            self._on_record = steps_on_record(self._work_dir, run.id, next_row)
        self._say(f"tracking {f'offline in {_shown(run.settings.sync_dir)}' if run.offline else f'at {run.url}'}")
        return run

    def _is_training(self) -> bool:
        return bool(self._init_kwargs.get("job_type", "train") == "train")

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
        if "id" not in given and options["mode"] != "disabled":
            options |= self._run_id()
        return options

    def _run_id(self) -> dict[str, str]:
        """Choose the run's id. Only a training keeps it: a test in the same folder is another run."""
        if not self._is_training():
            return {"id": new_run_id()}
        given = os.environ.get("WANDB_RUN_ID")  # from the agent of a sweep
        run_id = keep_run_id(self._work_dir, given) if given else run_id_to_use(self._work_dir, self._resume)
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

    def _last_step(self, key: str) -> int:
        return self._on_record.get(key, -1)

    def _put_config(self, content: dict[str, Any]) -> None:
        # A run that is resumed may have another batch size or path than before.
        self._run.config.update(content, allow_val_change=True)

    def _put_scalars(self, row: Mapping[str, Any], step: int) -> None:
        self._run.log({**row, STEP: step})

    def _put_image(self, name: str, rgb: UInt8Array, step: int) -> None:
        from wandb import Image

        self._run.log({name: Image(rgb), STEP: step})

    def _put_fact(self, name: str, fact: Any, step: int) -> None:
        self._run.log({name: wandb_object(fact), STEP: step})

    def _put_note(self, note: Note) -> None:
        self._run.alert(note.title, note.text, note.level)

    def _put_files(self, files: Files) -> None:
        artifact = wandb_artifact(files)
        if files.used:
            # What run.use_artifact does with an artifact of this run's own making, but it refuses to offline and
            # waits for the upload. Equal content is one version on the server, whichever run hands it in first.
            self._run._log_artifact(artifact, is_user_created=True, use_after_commit=True)
        else:
            self._run.log_artifact(artifact, aliases=list(files.aliases))

    def _end(self, status: str) -> None:
        """End the run and say how to upload it if it is not."""
        run = self._run
        if status == INTERRUPTED:
            run.mark_preempting()
        run.finish(exit_code=EXIT_CODES[status])
        if run.offline:
            folder = shlex.quote(_shown(str(Path(run.settings.sync_dir).parent)))
            self._say(f"upload this run with: wandb sync {folder}/offline-run-*-{run.id}")


def _shown(folder: str) -> str:
    """Shorten a path below the current folder."""
    relative = os.path.relpath(folder)
    return folder if relative.startswith("..") else relative
