"""The losses and scores that two runs logged, compared digit by digit."""

from __future__ import annotations

import json
import os
from dataclasses import dataclass
from pathlib import Path

from sortline.errors import InputError, Problem
from sortline.runs.run_record import SCALARS

#: What depends on the clock and the machine, not on the training.
MEASURED = frozenset({"time", "data_time", "data_share", "memory", "host_memory", "eta", "epoch", "iter", "step"})
TRAIN, VAL = "iteration", "validation at step"


@dataclass(frozen=True)
class LossComparison:
    """How far two runs logged the same.

    Attributes:
        compared: Numbers that both logged.
        first: Where they first differ: place, name, the first run's number, the second's; None if nowhere.
    """

    compared: int
    first: tuple[str, str, float, float] | None = None


Logged = dict[tuple[str, int], dict[str, float]]


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
            # By their text: not a number equals itself here, and nothing is rounded.
            if difference is None and repr(values[0]) != repr(values[1]):
                difference = (f"{place[0]} {place[1]}", key, *values)
    return LossComparison(compared, difference)
