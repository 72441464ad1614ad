"""Runs that can't be repeated are refused before anything is loaded; folds are repeated side by side."""

from pathlib import Path

import pytest

from sortline.errors import InputError
from sortline.runs.provenance.parts import Start
from sortline.runs.provenance.repeatable import check_free, repeat_folder, repeatable_record
from sortline.runs.run_record import RunRecord

RECORD = RunRecord("x.py", {}, {})
TRAINED = RECORD.begun(Start("T", "train"))


def test_a_trained_run_can_be_repeated(tmp_path):
    TRAINED.write(tmp_path)
    assert repeatable_record(tmp_path) == TRAINED


@pytest.mark.parametrize(
    ("record", "message"),
    [
        (None, "holds no run.json"),
        (RECORD, "tells of no training"),
        (RunRecord("x.py", {}, {}, settings_types={"lost": ["/a"]}, starts=TRAINED.starts), "nor lists or dicts.*: /a"),
    ],
)
def test_what_can_not_be_repeated_is_refused(tmp_path, record, message):
    if record is not None:
        record.write(tmp_path)
    with pytest.raises(InputError, match=message):
        repeatable_record(tmp_path)


@pytest.mark.parametrize(
    ("folder", "record", "expected"),
    [
        ("work_dirs/x", RECORD, "work_dirs/x_repeated"),
        ("work_dirs/x/", RECORD, "work_dirs/x_repeated"),
        ("work_dirs/x/fold_2", RunRecord("x.py", {}, {}, fold=2), "work_dirs/x_repeated/fold_2"),
        ("work_dirs/x/all_data", RunRecord("x.py", {"all_data": True}, {}), "work_dirs/x_repeated/all_data"),
    ],
)
def test_the_repetition_lies_beside_the_run(folder, record, expected):
    assert repeat_folder(folder, record) == Path(expected)


def test_the_folder_that_one_stands_in_has_a_name(tmp_path, monkeypatch):
    (tmp_path / "x").mkdir()
    monkeypatch.chdir(tmp_path / "x")
    assert repeat_folder(".", RECORD) == tmp_path / "x_repeated"


@pytest.mark.parametrize("name", ["run.json", "epoch_1.pth"])
def test_a_folder_that_holds_a_run_is_taken(tmp_path, name):
    check_free(tmp_path)
    (tmp_path / name).touch()
    with pytest.raises(InputError, match="holds a run already"):
        check_free(tmp_path)
