"""What wandb has on record of a run, read back from the files that it keeps beside every run.

When a training is killed, wandb's service ends with it and loses what it had not written to its file, up to a second's
rows; it can't be asked to write. Only the file itself tells which rows of the journal are still to be handed over.
"""

from __future__ import annotations

import json
import os
from collections.abc import Iterator
from importlib import import_module
from pathlib import Path
from typing import Any

#: The files' format is LevelDB's log with records of wandb's own protocol inside; wandb reads it in its Go service
#: alone. https://github.com/google/leveldb/blob/main/doc/log_format.md
IDENT = b":W&B"
HEADER = 7  # of the file, and of each chunk: checksum 4, length 2, kind 1
BLOCK = 32 * 1024
FULL, FIRST, MIDDLE, LAST = 1, 2, 3, 4

#: The axis of all rows: training iterations done.
STEP = "global_step"
#: wandb keeps the table of a chart under the chart's name with this added.
TABLE = "_table"


def read_records(path: str | os.PathLike[str]) -> Iterator[Any]:
    """Yield the records of a ``.wandb`` file up to its end, or to where a kill has cut it.

    Args:
        path: The file.

    Yields:
        Messages of the type ``wandb.proto.wandb_internal_pb2.Record``.
    """
    from google.protobuf.message import DecodeError

    make_record = import_module("wandb.proto.wandb_internal_pb2").Record
    for content in _contents(Path(path).read_bytes()):
        record = make_record()
        try:
            record.ParseFromString(content)
        except DecodeError:
            return
        yield record


def _contents(log: bytes) -> Iterator[bytes]:
    """Join the chunks of each record."""
    position, parts = HEADER if log.startswith(IDENT) else len(log), b""
    while position + HEADER <= len(log):
        left = BLOCK - position % BLOCK
        if left < HEADER:  # no chunk's header fits in what is left of a block
            position += left
            continue
        length = int.from_bytes(log[position + 4 : position + 6], "little")
        kind = log[position + 6]
        chunk = log[position + HEADER : position + HEADER + length]
        if kind not in (FULL, FIRST, MIDDLE, LAST) or len(chunk) < length:
            return
        parts += chunk
        position += HEADER + length
        if kind in (FULL, LAST):
            yield parts
            parts = b""


def row_of(history: Any) -> dict[str, Any]:
    """Return a history record's values by key, those of tables and images as dicts."""
    row: dict[str, Any] = {}
    for item in history.item:
        *parents, last = [item.key] if item.key else item.nested_key
        target = row
        for parent in parents:
            target = target.setdefault(parent, {})
        target[last] = json.loads(item.value_json)
    return row


def run_files(folder: str | os.PathLike[str], run_id: str) -> list[Path]:
    """List the files of a run, one for each start of it, oldest first.

    Args:
        folder: Run folder.
        run_id: The run's id.
    """
    found = Path(folder, "wandb").glob(f"*run-*-{run_id}/run-{run_id}.wandb")
    # offline-run-20260101_120000-abcd1234: the time of the start sorts them, whichever way they are tracked
    return sorted(found, key=lambda path: path.parent.name.removeprefix("offline-"))


def steps_on_record(folder: str | os.PathLike[str], run_id: str, next_row: int | None = None) -> dict[str, int]:
    """Find out up to which step each key of a run is on record.

    What was handed to wandb counts where it reached a file: a kill may lose the last rows. Of a part tracked online
    those rows count that the server has; an offline part is uploaded whole later, if it is not yet.

    Args:
        folder: Run folder.
        run_id: The run's id.
        next_row: Number of the next row on the server, as it says when a run is resumed; None without a server.

    Returns:
        The greatest step of each key.
    """
    steps: dict[str, int] = {}
    for path in run_files(folder, run_id):
        is_online = not path.parent.name.startswith("offline-")
        for record in read_records(path):
            if not record.HasField("history"):
                continue
            if is_online and next_row is not None and record.history.step.num >= next_row:
                break
            row = row_of(record.history)
            for key in row:
                name = key.removesuffix(TABLE)
                steps[name] = max(steps.get(name, 0), row.get(STEP, 0))
    return steps
