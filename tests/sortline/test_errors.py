"""Problems, and the commands that their remedies give."""

import ast
import pickle
import shlex
import subprocess

import pytest
from helpers import ROOT

from sortline.errors import InputError, Problem, counted, nearest, tool_command


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


def test_a_command_to_copy_survives_the_shell():
    arguments = ["my photos/a.json", "it's $HOME", 'a "b"', "*.py", "`id`; ls & #", "ä\nb", "", 3]
    command = tool_command("tools/test.py", *arguments)
    assert shlex.split(command) == ["python", "tools/test.py", *map(str, arguments)]
    shown = subprocess.run(
        ["sh", "-c", command.replace("python tools/test.py", "printf '%s|'", 1)], capture_output=True
    )
    assert shown.stdout.decode() == "".join(f"{argument}|" for argument in arguments)


def test_every_command_with_a_path_is_quoted():
    """An f-string that spells a tool's command out would print the path as it is."""
    paths = [path for house in ("sortline", "custom_modules", "tools") for path in (ROOT / house).rglob("*.py")]
    spelt_out = [
        f"{path.relative_to(ROOT)}:{node.lineno}"
        for path in paths
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8")))
        if isinstance(node, ast.JoinedStr) and "python tools/" in ast.unparse(node)
    ]
    assert not spelt_out, "write it with sortline.errors.tool_command"
