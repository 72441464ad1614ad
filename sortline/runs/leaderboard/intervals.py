"""The bootstrap interval of a single run's score, measured once."""

from __future__ import annotations

import hashlib
from dataclasses import asdict
from pathlib import Path
from typing import Any

from sortline.errors import InputError
from sortline.files import cache_folder, read_json, write_json
from sortline.predictions.bootstrap import Interval, interval, resamples
from sortline.predictions.box_scores import box_score
from sortline.predictions.ranking import mean_ap
from sortline.runs.run_record import NAME, VAL_PREDICTIONS
from sortline.runs.validated import finished_record, read_validated

REPLICATES = 1000
SEED = 0


def interval_over_images(folder: Path) -> Interval | None:
    """Measure the interval of a tested run's score over its validation images; None if these are not at hand.

    A deciding score that doesn't follow from boxes has none either.

    What was measured is kept in the cache, and holds while record and predictions are the same files.

    Args:
        folder: Run folder.
    """
    try:
        key = _key(folder)
        kept = _kept(key)
        if kept is None:
            kept = asdict(_measure(folder))
            write_json(cache_folder() / "intervals" / f"{key}.json", kept)
        return Interval(kept["low"], kept["high"])
    except (InputError, OSError, KeyError, ValueError, TypeError):  # moved, changed or damaged: no interval, no harm
        return None


def _key(folder: Path) -> str:
    """Name what the interval hangs on: both files by place, size and time, and how it is measured."""
    facts: list[Any] = [REPLICATES, SEED]
    for path in (folder / NAME, folder / VAL_PREDICTIONS):
        status = path.stat()
        facts += [str(path.resolve()), status.st_size, status.st_mtime_ns]
    return hashlib.sha256(repr(facts).encode()).hexdigest()[:24]


def _kept(key: str) -> dict[str, float] | None:
    path = cache_folder() / "intervals" / f"{key}.json"
    content = read_json(path) if path.is_file() else None
    return content if isinstance(content, dict) else None


def _measure(folder: Path) -> Interval:
    record = finished_record(folder)
    score = box_score(record.deciding_name)
    if score is None:
        raise ValueError(f"{record.deciding_name} doesn't follow from boxes")
    matches = read_validated(folder, record).matches
    weights = resamples(len(matches.truth.image_ids), REPLICATES, SEED)
    measured = interval(mean_ap(score.of(matches)(weights)))
    if measured is None:
        raise ValueError("no boxes to be found")
    return measured
