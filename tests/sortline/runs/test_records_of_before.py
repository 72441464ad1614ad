"""A run.json as it was written before the library had its own house can still be read, compared and repeated."""

import json
import shutil
from pathlib import Path

import pytest

from sortline.runs.leaderboard.found_runs import read_run
from sortline.runs.named_score import Score
from sortline.runs.recorded_settings import record_settings, restore_settings, settings_hash
from sortline.runs.run_record import TRAINED, read_record

#: Shortened to the settings that tell something of the run.
BEFORE = Path(__file__).parent / "records" / "run_2026-11.json"


@pytest.fixture
def folder(tmp_path):
    shutil.copy(BEFORE, tmp_path / "run.json")
    return tmp_path


def test_it_says_what_it_said(folder):
    record = read_record(folder)
    assert (record.status, record.epochs_done, record.tested_images) == (TRAINED, 4, 68)
    assert record.best_score == Score("contest/mAP50", 0.6476213900651467)
    assert record.metrics["contest/mAP50"] == pytest.approx(0.6476213900651467, abs=0)
    assert record.photos["train"].count == 612
    assert record.hardware.cpu_capability == "AVX512"
    assert record.starts[0].git == record.git


def test_its_settings_come_back_with_their_types_and_their_hash(folder):
    record = read_record(folder)
    settings = restore_settings(record.settings, record.settings_types)
    assert settings["train_dataloader"]["dataset"]["pipeline"][2]["scale"] == (256, 256)
    assert record_settings(settings) == (record.settings, record.settings_types)
    assert settings_hash(record.settings) == record.settings_sha256 == record.starts[0].settings_sha256


def test_the_leaderboard_shows_it(folder):
    run = read_run(folder)
    assert (run.score, run.epochs, run.seconds) == (0.6476213900651467, 4, 153.9)
    assert (run.commit[:7], run.is_dirty, run.dataset) == ("ac537c7", False, "demo")


def test_it_is_written_as_it_was_read(folder):
    record = read_record(folder)
    record.write(folder)
    assert read_record(folder) == record
    before, now = (json.loads(path.read_text()) for path in (BEFORE, folder / "run.json"))
    assert list(now) == list(before)
    assert now == {**before, "best_score": {"name": "contest/mAP50", "value": before["best_score"]}}
