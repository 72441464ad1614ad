"""All starts of a run make one course; two runs' numbers are compared without what the clock decides."""

import json
import math

import pytest

from sortline.errors import InputError
from sortline.runs.logged_scalars import LossComparison, compare_logged, read_curves, read_logged


def write(folder, *rows, start="1"):
    path = folder / start / "vis_data/scalars.json"
    path.parent.mkdir(parents=True)
    path.write_text("".join(json.dumps(row) + "\n" for row in rows))
    return path


def train(step, loss, **more):
    clock = {"time": step * 0.1, "data_time": 0.1, "data_share": 0.1, "memory": 5, "host_memory": 7.5}
    return {"loss": loss, **clock, "epoch": 1, "iter": step, "step": step, **more}


def test_losses_and_scores_are_read_without_times(tmp_path):
    write(tmp_path, train(1, 0.5, lr=0.1), {"contest/mAP50": 0.25, "time": 1.0, "step": 1})
    assert read_logged(tmp_path) == {
        ("iteration", 1): {"loss": 0.5, "lr": 0.1},
        ("validation at step", 1): {"contest/mAP50": 0.25},
    }


def test_what_a_resumed_run_logged_again_counts_as_it_was_last(tmp_path):
    write(tmp_path, train(1, 0.5), train(2, 0.4), start="20260101_000000")
    write(tmp_path, train(2, 0.3), train(3, 0.2), start="20260102_000000")
    write(tmp_path, {"contest/mAP50": 0.5, "step": 0}, start="20260103_000000")  # a test
    assert [row["loss"] for row in read_logged(tmp_path).values()] == [0.5, 0.3, 0.2]


def test_half_a_line_of_a_killed_run_is_left_out(tmp_path):
    path = write(tmp_path, train(1, 0.5))
    path.write_text(path.read_text() + '{"loss": 0.')
    assert len(read_logged(tmp_path)) == 1


def test_a_damaged_log_is_named(tmp_path):
    write(tmp_path, train(1, 0.5), {"loss": 1})
    with pytest.raises(InputError, match=r"scalars\.json, line 2: is not what a run logs"):
        read_logged(tmp_path)


def test_the_first_difference_is_found_to_the_last_digit():
    first = {("iteration", step): {"loss": 0.1, "loss_cls": math.nan} for step in (1, 2, 10)}
    assert compare_logged(first, first) == LossComparison(3 * 2)
    second = {**first, ("iteration", 10): {"loss": 7.0}, ("iteration", 2): {"loss": math.nextafter(0.1, 1)}}
    assert compare_logged(first, second).first == ("iteration 2", "loss", 0.1, math.nextafter(0.1, 1))


def test_only_what_both_logged_is_compared():
    assert compare_logged({("iteration", 1): {"loss": 1.0}}, {("iteration", 2): {"loss": 2.0}}) == LossComparison(0)


def log(folder, start, *rows, cut=""):
    path = folder / f"2026010{start}_120000/vis_data/scalars.json"
    path.parent.mkdir(parents=True)
    path.write_text("\n".join([*map(json.dumps, rows), cut]))


def test_a_resumed_start_replaces_what_it_repeats(tmp_path):
    log(
        tmp_path,
        1,
        train(50, 3.0),
        train(100, 2.0),
        {"contest/mAP50": 0.1, "step": 1},
        train(130, 9.0),
        cut='{"loss": 1',
    )
    log(tmp_path, 2, train(120, 1.5), {"contest/mAP50": 0.4, "step": 2}, {"contest/mAP50": 0.3, "step": 3})
    curves = read_curves(tmp_path)
    assert curves.train["loss"] == [(50, 3.0), (100, 2.0), (120, 1.5)]
    assert curves.val["contest/mAP50"] == [(1, 0.1), (2, 0.4), (3, 0.3)]
    assert curves.best("contest/mAP50") == (2, 0.4)
    assert curves.best("contest/mAP50", falls=True) == (1, 0.1)


def test_a_start_from_scratch_replaces_everything(tmp_path):
    log(tmp_path, 1, train(50, 3.0), train(100, 2.0), {"contest/mAP50": 0.1, "step": 1})
    log(tmp_path, 2, train(50, 2.5), {"contest/mAP50": 0.2, "step": 1})
    curves = read_curves(tmp_path)
    assert curves.train["loss"] == [(50, 2.5)]
    assert curves.val["contest/mAP50"] == [(1, 0.2)]


def test_a_test_adds_nothing(tmp_path):
    log(tmp_path, 1, train(50, 3.0))
    log(tmp_path, 2, {"contest/mAP50": 0.9, "step": 0})
    curves = read_curves(tmp_path)
    assert curves.train["loss"] == [(50, 3.0)]
    assert (curves.val, curves.best("contest/mAP50")) == ({}, None)


def test_a_folder_without_logs_has_no_curves(tmp_path):
    assert read_curves(tmp_path).train == {}


def test_what_is_no_finite_number_is_no_point(tmp_path):
    log = tmp_path / "20260101_120000/vis_data/scalars.json"
    log.parent.mkdir(parents=True)
    values = ["NaN", "0.25", "Infinity", "1" + "0" * 400, "1" + "0" * 5000, "true", "0.5"]
    rows = [f'{{"contest/mAP50": {value}, "step": {step}}}' for step, value in enumerate(values, start=1)]
    log.write_text("\n".join([*rows, "[" * 100_000]))
    assert read_curves(tmp_path).val == {"contest/mAP50": [(2, 0.25), (7, 0.5)]}
