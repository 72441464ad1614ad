"""How a run's end is told, and how photos are made small."""

import numpy as np
import pytest

from sortline.errors import RunStopped
from sortline.tracking.facts import ERROR, FAILED, INTERRUPTED, WARN, Ending, shrunk


@pytest.mark.parametrize(
    ("error", "status", "level", "text"),
    [
        (KeyboardInterrupt(), INTERRUPTED, WARN, "go on with --resume"),
        (RunStopped("SIGTERM"), INTERRUPTED, WARN, "SIGTERM; go on with --resume"),
        (SystemExit(0), INTERRUPTED, WARN, "go on with --resume"),
        (SystemExit(), INTERRUPTED, WARN, "go on with --resume"),
        (SystemExit(1), FAILED, ERROR, "SystemExit: 1"),
        (RuntimeError("CUDA out of memory"), FAILED, ERROR, "RuntimeError: CUDA out of memory"),
        (
            OSError("no answer from https://me:hunter2@host/x"),
            FAILED,
            ERROR,
            "OSError: no answer from https://(hidden)@host/x",
        ),
        (OSError("x" * 5000), FAILED, ERROR, "OSError: " + "x" * (1000 - len("OSError: "))),
    ],
)
def test_an_end_before_its_time(error, status, level, text):
    ending = Ending.of(error, "y" * 100)
    assert (ending.status, ending.note.level, ending.note.text) == (status, level, text)
    assert len(ending.note.title) == 64, "wandb's limit"


@pytest.mark.parametrize(
    ("shape", "side", "small", "scale"),
    [
        ((48, 64), 32, (24, 32), 0.5),
        ((64, 48), 32, (32, 24), 0.5),
        ((48, 64), 100, (48, 64), 1.0),
        ((1, 64), 8, (1, 8), 1 / 8),
    ],
)
def test_photos_never_grow_and_keep_their_form(shape, side, small, scale):
    rgb, found = shrunk(np.zeros((*shape, 3), np.uint8), side)
    assert (rgb.shape, found) == ((*small, 3), scale)
