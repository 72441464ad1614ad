"""What a run logged over its training, all starts joined."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from sortline.runs.run_record import SCALARS
from sortline.runs.typed_json import finite_number


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
    values that are no finite numbers.

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
