"""What two runs logged is compared number by number, across starts, without what the clock decides."""

import json
import math

import pytest

from sortline.errors import InputError
from sortline.runs.logged_scalars import LossComparison, compare_logged, read_logged


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
