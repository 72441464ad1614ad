"""A public score is of one submission; an interval is measured once for the same files."""

import json

import pytest
from written_runs import dataset, write_run

from sortline.errors import InputError
from sortline.predictions.bootstrap import Interval
from sortline.runs.leaderboard import kept_scores
from sortline.runs.leaderboard.kept_scores import enter_score, interval_over_images, read_score


@pytest.fixture(autouse=True)
def _run(tmp_path):
    (tmp_path / "run.json").write_text("{}")


def test_a_score_is_kept_with_the_submission_that_it_is_of(tmp_path):
    (tmp_path / "submission.csv").write_text("a")
    assert read_score(tmp_path) is None
    path = enter_score(tmp_path, 0.612)
    entry = read_score(tmp_path)
    assert (path.parent, entry.score) == (tmp_path, 0.612)
    assert entry.is_of(tmp_path)
    (tmp_path / "submission.csv").write_text("b")
    assert not entry.is_of(tmp_path)
    enter_score(tmp_path, 0.7)
    assert read_score(tmp_path).score == 0.7


def test_without_a_submission_nothing_contradicts(tmp_path):
    enter_score(tmp_path, 1)
    (tmp_path / "submission.csv").write_text("b")
    assert read_score(tmp_path).is_of(tmp_path)


def test_what_is_no_score_is_refused(tmp_path):
    with pytest.raises(InputError) as refusal:
        enter_score(tmp_path / "nowhere", 61.2)
    assert "no such run folder" in str(refusal.value)
    assert "is 61.2, not between 0 and 1" in str(refusal.value)
    with pytest.raises(InputError, match="not between"):
        enter_score(tmp_path, float("nan"))
    (tmp_path / "public_score.json").write_text("{}")
    with pytest.raises(InputError, match="--enter"):
        read_score(tmp_path)


@pytest.mark.parametrize("score", [float("nan"), 10**400, True, "0.5", None, 61.2])
def test_a_file_with_no_score_from_0_to_1_is_refused(tmp_path, score):
    (tmp_path / "public_score.json").write_text(json.dumps({"score": score, "entered": "", "submission_sha256": ""}))
    with pytest.raises(InputError, match="holds no public score"):
        read_score(tmp_path)


def test_a_score_is_entered_of_a_run_or_its_folds_alone(tmp_path):
    (tmp_path / "x/fold_0").mkdir(parents=True)
    (tmp_path / "y").mkdir()
    enter_score(tmp_path / "x", 0.5)
    with pytest.raises(InputError, match=r"y: holds no run\n.*fold_0"):
        enter_score(tmp_path / "y", 0.5)


@pytest.fixture
def single(tmp_path):
    return write_run(tmp_path / "single", dataset(30), tmp_path / "val.json", range(20))


def test_an_interval_is_measured_once_until_its_files_change(single, monkeypatch):
    first = interval_over_images(single)
    monkeypatch.setattr(kept_scores, "_measure_interval", lambda folder: Interval(0.0, 1.0))
    assert interval_over_images(single) == first
    record = json.loads((single / "run.json").read_text())
    (single / "run.json").write_text(json.dumps({**record, "seed": 1}, indent=2))
    assert interval_over_images(single) == Interval(0.0, 1.0)


def test_a_run_whose_photos_list_is_gone_has_no_interval(single, tmp_path):
    (tmp_path / "val.json").unlink()
    assert interval_over_images(single) is None
