"""A training says when it waits for its data or runs out of memory."""

import time
from types import SimpleNamespace

import pytest

torch = pytest.importorskip("torch")

from custom_modules.hooks import HealthHook, health_hook  # noqa: E402

pytestmark = pytest.mark.mm


def watched(runner):
    """Collect the runner's log lines, which mmengine keeps from other loggers."""
    found = []
    runner.logger.addHandler(SimpleNamespace(level=0, handle=lambda record: found.append(record.getMessage())))
    return found


def test_waiting_for_data_is_said_once(make_runner):
    runner = make_runner(epochs=5, scores=[0.1] * 5, custom_hooks=[HealthHook(interval=4)])
    fetch = runner._train_dataloader.collate_fn

    def late(items):
        time.sleep(0.03)
        return fetch(items)

    object.__setattr__(runner._train_dataloader, "collate_fn", late)
    found = watched(runner)
    runner.train()
    assert sum("waiting for data" in line for line in found) == 1
    assert runner.message_hub.get_scalar("train/data_share").current() > 0.3


def test_growing_memory_is_said_once_with_what_is_left(make_runner, monkeypatch):
    used = iter(range(1000, 9000, 100))
    monkeypatch.setattr(health_hook, "process_memory", lambda numbers: float(next(used)))
    monkeypatch.setattr(health_hook, "free_memory", lambda: 200.0)
    runner = make_runner(epochs=12, scores=[0.1] * 12, custom_hooks=[HealthHook(interval=2)])
    found = watched(runner)
    runner.train()
    (line,) = [line for line in found if "memory grows" in line]
    # 100 MB in 2 iterations; the tenth sample comes after 2 * (10 + 1) of 4 * 12 iterations.
    assert "by 50,000 MB in 1,000 iterations" in line
    assert "in about 4 of the 26 iterations left" in line


def test_a_healthy_run_says_nothing(make_runner):
    runner = make_runner(epochs=5, scores=[0.1] * 5, custom_hooks=[HealthHook(interval=4)])
    found = watched(runner)
    runner.train()
    assert not [line for line in found if "memory grows" in line]
