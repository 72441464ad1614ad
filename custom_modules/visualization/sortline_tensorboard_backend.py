"""Tracking with TensorBoard: numbers, pictures and notes in the run folder."""

from __future__ import annotations

import json
import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from mmengine.registry import VISBACKENDS

from sortline.arrays import UInt8Array
from sortline.files import file_sha256
from sortline.tracking.facts import Files, Note
from sortline.tracking.tracker_backend import TrackerBackend
from sortline.tracking.validation_facts import pictures

FOLDER = "tensorboard"
#: Added by TensorBoard to the name of a text.
TEXT = "/text_summary"
FLUSH_SECONDS = 10


@VISBACKENDS.register_module()
class SortlineTensorboardBackend(TrackerBackend):
    """TensorBoard, in ``<work_dir>/tensorboard/train`` and ``/test``: ``tensorboard --logdir work_dirs``.

    A resumed run adds a file to the folder and repeats no step that the earlier ones hold. TensorBoard keeps no files:
    it gets the names and SHA-256 of what other trackers upload.

    Args:
        save_dir: Folder of mmengine's visualizer; the config's ``work_dir`` is used where there is one.
        identity: Name, group, job type and tags of the run, as ``run_identity`` makes them.
    """

    name = "tensorboard"

    def __init__(self, save_dir: str, identity: Mapping[str, Any] | None = None) -> None:
        super().__init__(save_dir)
        self._job_type = (identity or {}).get("job_type", "train")
        self._on_record: dict[str, int] = {}

    def _start(self) -> Any:
        from torch.utils.tensorboard import SummaryWriter

        # Here and not in the background: a loader's process that is forked during an import inherits its locks.
        import sortline.predictions.score_charts  # noqa: F401

        folder = Path(self._work_dir) / FOLDER / self._job_type
        if self._resume:
            self._on_record = steps_in_events(folder)
        self._say(f"tracking in {folder}")
        return SummaryWriter(str(folder), flush_secs=FLUSH_SECONDS)

    def _is_training(self) -> bool:
        return bool(self._job_type == "train")

    def _last_step(self, key: str) -> int:
        return self._on_record.get(key, -1)

    def _put_config(self, content: dict[str, Any]) -> None:
        self._put_text("config", f"```json\n{json.dumps(content, indent=1)}\n```", 0)

    def _put_scalars(self, row: Mapping[str, Any], step: int) -> None:
        for key, value in row.items():
            if isinstance(value, int | float):
                self._run.add_scalar(key, value, step)

    def _put_image(self, name: str, rgb: UInt8Array, step: int) -> None:
        self._run.add_image(name, rgb, step, dataformats="HWC")

    def _put_fact(self, name: str, fact: Any, step: int) -> None:
        for picture_name, rgb in pictures(name, fact):
            self._put_image(picture_name, rgb, step)

    def _put_note(self, note: Note) -> None:
        self._put_text("notes", f"**{note.title}** {note.text}", self._texts("notes"))

    def _put_files(self, files: Files) -> None:
        lines = [f"- {path} `{file_sha256(path)}`" for path in files.paths.values() if path.is_file()]
        name = f"files/{'used/' if files.used else ''}{files.name}"
        self._put_text(name, "\n".join([f"{files.kind} {', '.join(files.aliases)}", "", *lines]), self._texts(name))

    def _texts(self, name: str) -> int:
        """Number a text within those of its name, earlier starts of the run included."""
        return self._on_record.get(name, -1) + 1

    def _put_text(self, name: str, text: str, step: int) -> None:
        self._on_record[name] = step
        self._run.add_text(name, text, step)

    def _end(self, status: str) -> None:
        self._run.close()


def steps_in_events(folder: str | os.PathLike[str]) -> dict[str, int]:
    """Find out up to which step each name is in the event files of a folder, also in those that a kill has cut.

    The pictures of a photo fact count for the fact, too.
    """
    from tensorboard.backend.event_processing.event_file_loader import EventFileLoader

    steps: dict[str, int] = {}
    for path in sorted(Path(folder).glob("events.out.tfevents.*")):
        for event in EventFileLoader(str(path)).Load():
            for value in event.summary.value:
                name = value.tag.removesuffix(TEXT)
                for key in (name, name.rpartition("/")[0]):
                    steps[key] = max(steps.get(key, 0), event.step)
    return steps
