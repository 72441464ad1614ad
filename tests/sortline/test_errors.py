import pickle

import pytest

from sortline.errors import InputError, Problem, counted, nearest


def test_a_problem_reads_as_place_fault_and_remedy():
    assert str(Problem("cfg.py: model", "no such type 'X'")) == "cfg.py: model: no such type 'X'"
    assert str(Problem("a.json", "is empty", "copy it again")) == "a.json: is empty\n    copy it again"


def test_all_problems_are_in_the_message():
    error = InputError([Problem("a", "first"), Problem("b", "second")])
    assert str(error) == "a: first\nb: second"
    assert InputError(Problem("a", "only")).problems == [Problem("a", "only")]


def test_the_error_survives_a_process_border():
    error = pickle.loads(pickle.dumps(InputError([Problem("a", "b", "c")])))
    assert error.problems == [Problem("a", "b", "c")]


@pytest.mark.parametrize(
    ("name", "choices", "expected"),
    [
        ("train_dataloder", ["train_dataloader", "optim_wrapper"], "did you mean 'train_dataloader'?"),
        ("paper", ["Paper", "Glass"], "did you mean 'Paper'?"),
        ("zzz", ["Paper", "Glass"], ""),
        ("x", [], ""),
    ],
)
def test_nearest(name, choices, expected):
    assert nearest(name, choices) == expected


@pytest.mark.parametrize(
    ("number", "expected"),
    [(0, ""), (1, "0"), (3, "0, 1, 2"), (4, "0, 1, 2 and 1 more"), (1_003, "0, 1, 2 and 1,000 more")],
)
def test_counted(number, expected):
    assert counted(range(number)) == expected
