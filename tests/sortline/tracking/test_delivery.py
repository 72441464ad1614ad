"""Work in the background is done in order and never waited for; the journal keeps each row once."""

import threading

import pytest

from sortline.tracking.delivery import Background, RowJournal, read_rows


def test_actions_are_done_in_order_and_errors_are_told():
    done, errors = [], []
    background = Background(errors.append)

    def fail():
        raise ValueError("broken")

    for action in (lambda: done.append(1), fail, lambda: done.append(2)):
        assert background.do(action)
    assert background.finish(seconds=10)
    assert done == [1, 2], "an error stops nothing by itself"
    assert [str(error) for error in errors] == ["broken"]


def test_an_action_that_hangs_holds_up_nobody():
    release, started = threading.Event(), threading.Event()
    background = Background(lambda error: None, capacity=2)

    def hang():
        started.set()
        release.wait()

    background.do(hang)
    assert started.wait(10)
    assert [background.do(lambda: None) for _ in range(3)] == [True, True, False], "the third has no place"
    assert not background.finish(seconds=0.05)
    release.set()


@pytest.fixture
def path(tmp_path):
    return tmp_path / "rows" / "wandb.jsonl"


def test_a_resumed_run_tells_old_rows_from_new_ones(path):
    first = RowJournal(path, resume=False)
    rows = [(2, {"loss": 0.5}), (2, {"mAP": 0.1, "time": 1.0}), (4, {"loss": 0.25})]
    assert [first.add(*row) for row in rows] == [True, True, True]
    first.close()
    second = RowJournal(path, resume=True)
    assert second.earlier == rows
    assert not second.add(4, {"loss": 0.25})
    assert second.add(4, {"mAP": 0.2, "time": 1.0}), "other keys at the same step are another row"
    assert second.add(6, {"loss": 0.125})
    second.close()
    assert [step for step, _ in read_rows(path)] == [2, 2, 4, 4, 6]


def test_a_new_run_forgets_the_old_one(path):
    RowJournal(path, resume=False).add(2, {"loss": 0.5})
    assert RowJournal(path, resume=False).earlier == []
    assert read_rows(path) == []


def test_rows_are_there_without_closing(path):
    journal = RowJournal(path, resume=False)
    journal.add(1, {"loss": float("nan")})
    ((step, row),) = read_rows(path)
    assert (step, row["loss"] != row["loss"]) == (1, True)


@pytest.mark.parametrize("cut", range(1, 16))
def test_a_cut_line_costs_itself_only(path, cut):
    journal = RowJournal(path, resume=False)
    journal.add(1, {"loss": 0.5})
    journal.add(2, {"loss": 0.5})
    journal.close()
    path.write_bytes(path.read_bytes()[:-cut])
    resumed = RowJournal(path, resume=True)
    complete = [(1, {"loss": 0.5}), (2, {"loss": 0.5})][: 2 if cut == 1 else 1]  # the last byte is the line's end
    assert resumed.earlier == complete
    resumed.add(3, {"loss": 0.5})
    assert read_rows(path) == [*complete, (3, {"loss": 0.5})]


@pytest.mark.parametrize("text", ["[]\n", "7\n", '["1", {}]\n', "[1, 2]\n", "\x00\xff\n"])
def test_other_lines_are_left_out(path, text):
    path.parent.mkdir()
    path.write_text(text + '[1, {"loss": 2}]\n', encoding="latin-1")
    assert read_rows(path) == [(1, {"loss": 2})]
