"""What a run is called, decided from its config's path and its folder alone."""

from __future__ import annotations

import os
import re
from pathlib import Path
from typing import Any

#: Letters of a tag, and of an artifact's name, that trackers allow.
LONGEST_TAG, LONGEST_NAME = 64, 128


def run_identity(
    config_path: str | os.PathLike[str],
    work_dir: str | os.PathLike[str],
    job_type: str,
    fold: int | None = None,
) -> dict[str, Any]:
    """Derive a run's name, group and tags from its config's path, as arguments of ``wandb.init``.

    >>> run_identity("configs/rtmdet/rtmdet_s_1x_recycle.py", "work_dirs/rtmdet_s_1x_recycle/fold_2", "train", 2)
    {'name': 'rtmdet_s_1x_recycle/fold_2', 'group': 'rtmdet_s_1x_recycle', 'job_type': 'train', \
'tags': ['rtmdet', 'recycle', 'fold_2'], 'dir': 'work_dirs/rtmdet_s_1x_recycle/fold_2'}

    Args:
        config_path: The experiment's config, ``configs/<family>/<model>_..._<dataset>.py``.
        work_dir: The run folder; its part from the experiment's name on becomes the run's name, or its last part
            where the user has put it elsewhere.
        job_type: ``"train"`` or ``"test"``.
        fold: Number of the fold, if the run is one of several.
    """
    config, folder = Path(config_path), Path(work_dir)
    experiment = config.stem
    parts = folder.parts
    name = "/".join(parts[parts.index(experiment) :]) if experiment in parts else folder.name
    tags = [config.resolve().parent.name, experiment.rpartition("_")[2]]
    if fold is not None:
        tags.append(f"fold_{fold}")
        if f"fold_{fold}" not in parts:
            name += f"/fold_{fold}"
    return {
        "name": name or experiment,
        "group": experiment,
        "job_type": job_type,
        "tags": list(dict.fromkeys(tag[:LONGEST_TAG] for tag in tags if tag)),
        "dir": str(work_dir),
    }


def artifact_name(run: str, kind: str) -> str:
    """Name what a run makes, in characters that trackers allow.

    >>> artifact_name("rtmdet_s_1x_recycle/fold_2", "model")
    'rtmdet_s_1x_recycle-fold_2-model'

    Letters that are not English ones become numbers, so that names that differ in them alone stay apart.
    """
    plain = f"{run}-{kind}".encode("ascii", "backslashreplace").decode()
    return re.sub(r"[^\w.-]+", "-", plain)[-LONGEST_NAME:]
