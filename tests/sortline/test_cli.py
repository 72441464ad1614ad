import errno
import os
import subprocess
import sys

import pytest
from helpers import ROOT

from sortline import files
from sortline.cli import numbers_by_class
from sortline.cli import run_tool as finish
from sortline.errors import InputError, Problem


def raising(error):
    def main():
        raise error

    return main


def ending(main, capsys):
    """Run a tool's main and return its exit status and what it wrote to stderr."""
    with pytest.raises(SystemExit) as stop:
        finish(main)
    return stop.value.code, capsys.readouterr().err


def test_success(capsys):
    assert ending(lambda: "a result", capsys) == (0, "")


def test_bad_input_gives_its_message_and_status_2(capsys):
    assert ending(raising(InputError(Problem("a.json", "is empty"))), capsys) == (2, "error: a.json: is empty\n")


def test_several_problems_are_counted(capsys):
    status, message = ending(raising(InputError([Problem("a", "b"), Problem("c", "d")])), capsys)
    assert status == 2
    assert message.splitlines()[:2] == ["error: a: b", "error: c: d"]
    assert message.splitlines()[2].startswith("2 problems")


def test_ctrl_c_gives_one_line_and_status_2(capsys):
    status, message = ending(raising(KeyboardInterrupt()), capsys)
    assert status == 2
    assert message.startswith("stopped by Ctrl-C")
    assert message.count("\n") == 1


@pytest.mark.parametrize("number", [errno.ENOSPC, errno.EACCES, errno.EROFS])
def test_what_the_machine_refuses_gives_status_2(capsys, number):
    status, message = ending(raising(OSError(number, os.strerror(number), "out.json")), capsys)
    assert status == 2
    assert message.startswith(f"error: out.json: {os.strerror(number)}")


@pytest.mark.parametrize("refused", ["write", "fsync"])
def test_a_disk_that_fills_up_gives_a_message_and_leaves_the_old_file(tmp_path, capsys, monkeypatch, refused):
    path = tmp_path / "a.json"
    path.write_text("old")

    class FullFile:
        def __init__(self, file):
            self.file = file

        def write(self, _):
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    def full(_):
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    def main():
        with files.atomic_write(path) as file:
            (FullFile(file) if refused == "write" else file).write("new")

    if refused == "fsync":
        monkeypatch.setattr(os, "fsync", full)
    status, message = ending(main, capsys)
    assert status == 2
    assert "No space left on device" in message
    assert "free some space" in message
    assert path.read_text() == "old"
    assert list(tmp_path.iterdir()) == [path]


@pytest.mark.parametrize("error", [ZeroDivisionError("a defect"), OSError(errno.EIO, "I/O error")])
def test_a_defect_keeps_its_traceback(error):
    with pytest.raises(type(error)):
        finish(raising(error))


def run_python(code, **options):
    return subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, **options)


def test_a_defect_exits_with_status_1():
    code = "from sortline.cli import run_tool; run_tool(lambda: 1 / 0)"
    result = run_python(code, check=False)
    assert result.returncode == 1
    assert "ZeroDivisionError" in result.stderr


def test_a_reader_that_goes_away_is_no_error():
    tool = "from sortline.cli import run_tool; run_tool(lambda: [print(i) for i in range(100000)])"
    command = f'"{sys.executable}" -c "{tool}" | head -1; exit ${{PIPESTATUS[0]}}'
    result = subprocess.run(["bash", "-c", command], cwd=ROOT, capture_output=True, text=True, check=False)
    assert (result.returncode, result.stdout, result.stderr) == (0, "0\n", "")


@pytest.mark.parametrize(
    ("words", "expected"),
    [
        ([], (None, {})),
        (["0.55"], (0.55, {})),
        (["Plastic bag=0.5"], (None, {"Plastic bag": 0.5})),
        (["0.55", "a=b=0.4", "Battery=0.3"], (0.55, {"a=b": 0.4, "Battery": 0.3})),
    ],
)
def test_numbers_are_read(words, expected):
    assert numbers_by_class(words, "--iou-thr") == expected


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["half"], "--iou-thr: can't be read: 'half'"),
        (["Battery="], "can't be read: 'Battery='"),
        (["0.5", "0.6"], "has 2 numbers for all classes"),
        (["Battery=0.5", "Battery=0.6"], "has two numbers for 'Battery'"),
    ],
)
def test_anything_else_is_refused(words, message):
    with pytest.raises(InputError) as refusal:
        numbers_by_class(words, "--iou-thr")
    assert message in str(refusal.value)
