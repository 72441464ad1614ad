"""Tracking with MLflow: the same facts on a server of one's own, or in a file beside the runs."""

from __future__ import annotations

import logging
import os
import re
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from mmengine.registry import VISBACKENDS

from sortline.arrays import UInt8Array
from sortline.files import file_sha256
from sortline.nested import flatten
from sortline.predictions.error_analysis import Confusion
from sortline.tracking.facts import FAILED, FINISHED, INTERRUPTED, Files, Note
from sortline.tracking.tracker_backend import TrackerBackend
from sortline.tracking.validation_facts import Curves, Photos, pictures
from sortline.tracking.wandb_run import keep_run_id, kept_run_id

RUN_ID_FILE = "mlflow_run_id"
#: Where runs go without a server, relative to the current folder.
DATABASE, ARTIFACTS = Path("work_dirs/mlflow.db"), Path("work_dirs/mlflow_artifacts")
STATUSES = {FINISHED: "FINISHED", INTERRUPTED: "KILLED", FAILED: "FAILED"}
PARAMETERS_AT_ONCE = 100
LONGEST_PARAMETER, LONGEST_KEY = 6000, 250
#: Before the name of a fact in a tag that holds the last step at which it was tracked.
STEP_TAG = "last_step."


@VISBACKENDS.register_module()
class SortlineMLflowBackend(TrackerBackend):
    """MLflow, where ``MLFLOW_TRACKING_URI`` or the config says, else in ``work_dirs/mlflow.db``.

    The experiment is the config's name; the runs of its folds and their tests are told apart by name and tags. A
    resumed training continues the same run, whose id is kept in ``<work_dir>/mlflow_run_id``, and repeats no step that
    the server has. A test is a child of the training whose checkpoint it uses.

    Args:
        save_dir: Folder of mmengine's visualizer; the config's ``work_dir`` is used where there is one.
        tracking_uri: Server or database; without it, what the environment says.
        identity: Name, group, job type and tags of the run, as ``run_identity`` makes them.
    """

    name = "mlflow"

    def __init__(
        self, save_dir: str, tracking_uri: str | None = None, identity: Mapping[str, Any] | None = None
    ) -> None:
        super().__init__(save_dir)
        self._uri = tracking_uri or os.environ.get("MLFLOW_TRACKING_URI") or f"sqlite:///{DATABASE}"
        self._identity = {"name": None, "group": "sortline", "job_type": "train", "tags": [], **(identity or {})}
        self._run_id = ""
        self._on_record: dict[str, int] = {}

    def _is_training(self) -> bool:
        return bool(self._identity["job_type"] == "train")

    def _start(self) -> Any:
        """Import what is needed: the server is asked in the background, where its silence holds up nothing."""
        os.environ.setdefault("MLFLOW_DISABLE_TELEMETRY", "true")
        os.environ.setdefault("MLFLOW_SUPPRESS_PRINTING_URL_TO_STDOUT", "true")
        # Here and not in the background: a loader's process that is forked during an import inherits its locks.
        from mlflow import MlflowClient

        import sortline.predictions.score_charts  # noqa: F401

        for name in ("mlflow.store.db.utils", "alembic"):  # they tell how they make a database's tables
            logging.getLogger(name).setLevel(logging.WARNING)
        return MlflowClient

    def _begin(self) -> None:
        """Reach the server, then continue the run or start one."""
        if self._uri == f"sqlite:///{DATABASE}":
            DATABASE.parent.mkdir(exist_ok=True)
        self._client = self._run(tracking_uri=self._uri)
        is_training = self._is_training()
        kept = kept_run_id(self._work_dir, RUN_ID_FILE)
        if is_training and self._resume and kept:
            self._continue(kept)
        else:
            self._resume = False
            self._run_id = self._create("" if is_training else kept)
        if is_training:
            keep_run_id(self._work_dir, self._run_id, RUN_ID_FILE)
        self._say(f"tracking run {self._run_id}")

    def _continue(self, run_id: str) -> None:
        """Take a run up again, and what it knows of the facts that it has; numbers are asked for one by one."""
        run = self._client.update_run(run_id, status="RUNNING") or self._client.get_run(run_id)
        steps = {key.removeprefix(STEP_TAG): value for key, value in run.data.tags.items() if key.startswith(STEP_TAG)}
        self._on_record = {name: int(step) for name, step in steps.items()}
        self._run_id = run_id

    def _create(self, parent: str) -> str:
        """Start a run and return its id."""
        tags = {"job_type": self._identity["job_type"], **dict.fromkeys(self._identity["tags"], "true")}
        if parent:
            tags["mlflow.parentRunId"] = parent
        run = self._client.create_run(self._experiment(), tags=tags, run_name=self._identity["name"])
        return str(run.info.run_id)

    def _experiment(self) -> str:
        """Return the id of the experiment, made if need be."""
        name = self._identity["group"]
        if found := self._client.get_experiment_by_name(name):
            return str(found.experiment_id)
        location = str(ARTIFACTS.resolve() / name) if self._uri.startswith("sqlite:") else None
        try:
            return str(self._client.create_experiment(name, artifact_location=location))
        except Exception:
            found = self._client.get_experiment_by_name(name)  # another fold has just made it
            if found is None:
                raise
            return str(found.experiment_id)

    def _last_step(self, key: str) -> int:
        """Ask the server once for each key."""
        if not self._resume:
            return -1
        if key not in self._on_record:
            history = self._client.get_metric_history(self._run_id, _allowed(key))
            self._on_record[key] = max((metric.step for metric in history), default=-1)
        return self._on_record[key]

    def _put_config(self, content: dict[str, Any]) -> None:
        from mlflow.entities import Param

        self._client.log_dict(self._run_id, content, "config.json")
        if self._resume:
            return  # a parameter can't be changed
        params = [
            Param(_allowed(key), str(value)[:LONGEST_PARAMETER]) for key, value in flatten(content).items() if key
        ]
        for start in range(0, len(params), PARAMETERS_AT_ONCE):
            self._client.log_batch(self._run_id, params=params[start : start + PARAMETERS_AT_ONCE])

    def _put_scalars(self, row: Mapping[str, Any], step: int) -> None:
        from mlflow.entities import Metric

        now = int(time.time() * 1000)
        metrics = [
            Metric(_allowed(key), float(value), now, step)
            for key, value in row.items()
            if isinstance(value, int | float)
        ]
        self._client.log_batch(self._run_id, metrics=metrics)

    def _put_image(self, name: str, rgb: UInt8Array, step: int) -> None:
        self._client.log_image(self._run_id, rgb, key=_allowed(name), step=step, synchronous=True)

    def _put_fact(self, name: str, fact: Any, step: int) -> None:
        for picture_name, rgb in pictures(name, fact):
            self._put_image(picture_name, rgb, step)
        if not isinstance(fact, Photos):
            self._client.log_dict(self._run_id, _as_json(fact), f"{name}/step_{step:08}.json")
        self._client.set_tag(self._run_id, STEP_TAG + name, str(step))

    def _put_note(self, note: Note) -> None:
        self._client.set_tag(self._run_id, f"note.{note.level}", f"{note.title}: {note.text}")

    def _put_files(self, files: Files) -> None:
        """Keep files under their kind; a model that was used is named by its content, not uploaded again."""
        for name, path in files.paths.items():
            if not path.is_file():
                continue
            if files.used:
                self._client.set_tag(self._run_id, f"used.{files.name}.{name}", f"sha256 {file_sha256(path)}")
            if not files.used or files.kind != "model":
                self._client.log_artifact(self._run_id, str(path), files.kind)
        for alias in files.aliases:
            self._client.set_tag(self._run_id, f"{files.kind}.{alias}", ", ".join(files.paths))

    def _end(self, status: str) -> None:
        self._client.set_terminated(self._run_id, STATUSES[status])


def _as_json(fact: Confusion | Curves) -> dict[str, Any]:
    """Return a fact's numbers."""
    if isinstance(fact, Confusion):
        return {"labels": list(fact.labels), "counts": fact.counts.tolist()}
    return {curve.name: {"ap50": curve.ap50, "precisions": curve.precisions.tolist()} for curve in fact.curves}


def _allowed(key: str) -> str:
    """Replace what MLflow refuses in names, and cut them to its length.

    >>> _allowed("contest/AP50_Paper & pack")
    'contest/AP50_Paper _ pack'
    """
    return re.sub(r"[^\w\-. /]", "_", key)[:LONGEST_KEY]
