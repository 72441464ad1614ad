"""Learning rates and the batch sizes that they are written for."""

from __future__ import annotations

from pathlib import Path

import pytest
from helpers import ROOT

from sortline.pipeline.compose import load_config

CONFIGS = sorted(path for path in (ROOT / "configs").rglob("*.py") if "_base_" not in path.parts)


@pytest.mark.mm
@pytest.mark.parametrize("path", CONFIGS, ids=lambda path: path.stem)
def test_the_rate_is_the_one_for_the_batch(path: Path):
    """Experiments write the rate for their own batch: scaling it for that batch must change nothing.

    One whose schedule is still for 16 photos while its rate is for 4 would be scaled twice by --auto-scale-lr.
    """
    cfg = load_config(path)
    if any(scheduler.type == "OneCycleLR" for scheduler in cfg.param_scheduler):
        assert "auto_scale_lr" not in cfg  # it sets the rate itself: scaling the optimiser's would change nothing
        return
    assert cfg.auto_scale_lr.base_batch_size == cfg.train_dataloader.batch_size
    assert not cfg.auto_scale_lr.get("enable", False)
