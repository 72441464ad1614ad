"""What a run logged over its training: its curves, and those of two runs compared digit by digit."""

from __future__ import annotations

import json
import os
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from sortline.errors import InputError, Problem
from sortline.runs.run_folder import SCALARS
from sortline.runs.typed_json import finite_number

#: What depends on the clock and the machine, not on the training.
MEASURED = frozenset({"time", "data_time", "data_share", "memory", "host_memory", "eta", "epoch", "iter", "step"})
TRAIN, VAL = "iteration", "validation at step"

Logged = dict[tuple[str, int], dict[str, float]]


@dataclass(frozen=True)
class Curves:
    """Scalars of a run.

    Attributes:
        train: ``(iteration, value)`` by name, such as ``loss`` and ``lr``, iterations rising.
        val: ``(epoch, value)`` by name, such as ``contest/mAP50``; iterations where a run has no epochs.
    """

    train: dict[str, list[tuple[int, float]]]
    val: dict[str, list[tuple[int, float]]]

    def best(self, name: str, falls: bool = False) -> tuple[int, float] | None:
        """Return where a validation score is best, the first of several; None if it was never measured.

        Args:
            name: Of the metric.
            falls: Whether a lower score is better.
        """
        sign = -1 if falls else 1
        return max(self.val.get(name, []), key=lambda point: sign * point[1], default=None)


def read_curves(folder: Path) -> Curves:
    """Read what a run logged.

    A start that was resumed from an earlier checkpoint repeats steps: from its first step on it replaces what was
    logged before. Scores of a test, which has no step, are left out, and so are lines that a killed run left cut, and
    values that are not finite.

    Args:
        folder: Run folder.
    """
    train: dict[int, dict[str, Any]] = {}
    val: dict[int, dict[str, Any]] = {}
    for path in sorted(folder.glob(SCALARS)):
        rows = list(_rows(path))
        for kept, of_start in ((train, [r for r in rows if "iter" in r]), (val, [r for r in rows if "iter" not in r])):
            steps = [row["step"] for row in of_start]
            for step in [step for step in kept if steps and step >= min(steps)]:
                del kept[step]
            kept.update(zip(steps, of_start, strict=True))
    return Curves(_by_name(train), _by_name(val))


def _rows(path: Path) -> Iterator[dict[str, Any]]:
    for line in path.read_text(encoding="utf-8", errors="replace").splitlines():
        try:
            row = json.loads(line)
        except (ValueError, RecursionError):
            continue
        if isinstance(row, dict) and isinstance(row.get("step"), int) and row["step"] > 0:
            yield row


def _by_name(rows: Mapping[int, Mapping[str, Any]]) -> dict[str, list[tuple[int, float]]]:
    named: dict[str, list[tuple[int, float]]] = {}
    for step in sorted(rows):
        for name, value in rows[step].items():
            number = finite_number(value)
            if number is not None and name not in ("step", "iter", "epoch"):
                named.setdefault(name, []).append((step, number))
    return named


@dataclass(frozen=True)
class LossComparison:
    """How far two runs logged the same.

    Attributes:
        compared: Numbers that both logged.
        first: Where they first differ: place, name, the first run's number, the second's; None if nowhere.
    """

    compared: int
    first: tuple[str, str, float, float] | None = None


def read_logged(folder: str | os.PathLike[str]) -> Logged:
    """Read what a run has logged, over all its starts; what a resumed one logged again counts as it was last.

    Returns:
        Numbers by name, by where they were logged: ``("iteration", 50)``, ``("validation at step", 1)``.

    Raises:
        InputError: A log is damaged.
    """
    logged: Logged = {}
    for path in sorted(Path(folder).glob(SCALARS)):
        # A killed run may have left half a line at the end.
        whole, _, _ = path.read_text(encoding="utf-8").rpartition("\n")
        for number, line in enumerate(whole.splitlines(), start=1):
            try:
                row = json.loads(line)
                place = (TRAIN if "iter" in row else VAL, int(row["step"]))
            except (ValueError, KeyError, TypeError):
                raise InputError(Problem(f"{path}, line {number}", "is not what a run logs")) from None
            if place != (VAL, 0):  # a test outside of training
                logged[place] = {key: value for key, value in row.items() if key not in MEASURED}
    return logged


def compare_logged(first: Logged, second: Logged) -> LossComparison:
    """Compare what two runs logged at the same places: losses in the order of training, then scores.

    >>> compare_logged({("iteration", 50): {"loss": 0.5}}, {("iteration", 50): {"loss": 0.25}}).first
    ('iteration 50', 'loss', 0.5, 0.25)
    """
    compared = 0
    difference = None
    for place in sorted(first.keys() & second.keys()):
        for key in sorted(first[place].keys() & second[place].keys()):
            values = first[place][key], second[place][key]
            compared += 1
            # By their text: NaN equals NaN here, and nothing is rounded.
            if difference is None and repr(values[0]) != repr(values[1]):
                difference = (f"{place[0]} {place[1]}", key, *values)
    return LossComparison(compared, difference)
