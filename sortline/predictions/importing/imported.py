"""What reading another framework's predictions gives."""

from __future__ import annotations

from dataclasses import dataclass

from sortline.errors import InputError, Problem
from sortline.predictions.results import Results
from sortline.reports.numbers import some


@dataclass(frozen=True)
class Imported:
    """Predictions on the images of one annotation file.

    Attributes:
        results: The detections.
        notes: What had to be decided or left out, for the user to know.
    """

    results: Results
    notes: tuple[str, ...]


def note_on_empty(count: int) -> list[str]:
    """Say how many boxes without area were left out, which other frameworks write where they clip or round."""
    return [f"{some(count, 'box')} without width or height left out"] if count else []


def check_any(count: int, where: str) -> None:
    """Refuse a source that gives no box.

    Raises:
        InputError: The count is 0.
    """
    if count == 0:
        raise InputError(Problem(where, "holds no boxes", "predict again, with a lower threshold of confidence"))
