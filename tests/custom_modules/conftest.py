"""The toy training of the tests of hooks and visualisation backends."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest


@pytest.fixture
def make_runner(tmp_path: Path) -> Callable[..., Any]:
    """Return :func:`toy_runner.make_runner` with ``tmp_path / "run"`` as the default folder."""
    pytest.importorskip("torch")
    import toy_runner

    return lambda work_dir=tmp_path / "run", **settings: toy_runner.make_runner(work_dir, **settings)
