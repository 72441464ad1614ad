"""Shared fixture: one member's results from rows of numbers."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest

from sortline.predictions.results import Results


@pytest.fixture
def results_of() -> Callable[..., Results]:
    """Make one member's results from rows of image id, category id, left, top, width, height, score."""

    def make(*rows: tuple[float, ...]) -> Results:
        table = np.array(rows, dtype=np.float64).reshape(-1, 7)
        return Results.from_arrays(table[:, 0], table[:, 1], table[:, 2:6], table[:, 6])

    return make
