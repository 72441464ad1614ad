"""Warnings come when there is something to do, and not before."""

import os

import numpy as np
import pytest

from sortline.runs.health import free_memory, memory_trend, process_memory, starvation


def test_a_model_that_waits_little_is_left_alone():
    assert starvation(0.29, workers=0, cores=8) is None


def test_waiting_names_the_workers_that_could_help():
    assert "raise train_dataloader.num_workers (0 now, 8 cores here)" in starvation(0.5, workers=0, cores=8)


def test_more_workers_than_cores_are_not_advised():
    assert "num_workers" not in starvation(0.5, workers=7, cores=8)


def test_a_leak_is_seen_through_noise():
    steps = np.arange(0, 2000, 100)
    used = 5000 + 0.2 * steps + np.random.default_rng(0).normal(0, 5, len(steps))
    trend = memory_trend(steps, used, free=1000.0)
    assert trend.megabytes == pytest.approx(1000 * 0.2, rel=0.1)
    assert trend.left == pytest.approx(1000 / 0.2, rel=0.1)


@pytest.mark.parametrize(
    "used",
    [
        pytest.param([100.0] * 20, id="constant"),
        pytest.param([100.0 - step for step in range(20)], id="falling"),
        pytest.param([100.0 + 50 * (step % 2) + step for step in range(20)], id="up-and-down"),
        pytest.param([100.0] * 3 + [200.0] * 17, id="grown-once"),
        pytest.param([100.0 + step for step in range(9)], id="too-early"),
    ],
)
def test_what_is_no_steady_growth_is_no_trend(used):
    assert memory_trend(range(len(used)), used, free=1000.0) is None


@pytest.mark.skipif(not os.path.exists("/proc/self/statm"), reason="memory is read from Linux's /proc")
def test_memory_is_measured():
    before = process_memory([os.getpid()])
    block = np.ones(20_000_000)  # 160 MB
    assert process_memory([os.getpid(), 2**30]) - before == pytest.approx(block.nbytes / 1e6, rel=0.1)
    assert free_memory() > 1
