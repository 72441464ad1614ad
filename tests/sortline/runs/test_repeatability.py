"""Differences are graded by what they do to a run's numbers; a run that can't be repeated is refused at once."""

import io
from dataclasses import replace
from pathlib import Path

import pytest
from rich.console import Console

from sortline.errors import InputError
from sortline.runs.conditions import Hardware, Photos
from sortline.runs.git_state import GitState
from sortline.runs.recorded_settings import settings_hash
from sortline.runs.repeatability import (
    CHANGES,
    HARMLESS,
    MAY,
    Difference,
    check_free,
    find_differences,
    of_hidden,
    print_differences,
    repeat_folder,
    repeatable_record,
)
from sortline.runs.run_record import RunRecord, Start

SETTINGS = {"lr": 0.1}
FILE = {"path": "train.json", "sha256": "1" * 64}
OTHER = {"path": "elsewhere.json", "sha256": "2" * 64}
RECORD = RunRecord(
    "x.py",
    SETTINGS,
    {"train": FILE, "test": FILE},
    settings_sha256=settings_hash(SETTINGS),
    git=GitState("a" * 40, "main", False),
    versions={"python": "3.11.7", "torch": "2.12.0"},
    hardware=Hardware("Linux", "cpu A", "AVX2", cores=4, threads=4, memory_gib=16.0),
    parent_checkpoint={"load_from": FILE},
    photos={"train": Photos(2, 30, "0" * 64)},
    starts=[Start("T", "train")],
)


def grades(now, files=(), then=RECORD):
    return [(item.what, item.grade) for item in find_differences(then, now, files)]


def on(**changes):
    return replace(RECORD, hardware=replace(RECORD.hardware, **changes))


def test_nothing_differs_from_itself_nor_by_place():
    assert grades(RECORD) == []
    moved = replace(RECORD, ann_files={"train": {**FILE, "path": "there.json"}, "test": FILE}, command="other")
    assert grades(moved) == []


@pytest.mark.parametrize(
    ("now", "expected"),
    [
        (replace(RECORD, ann_files={"train": OTHER, "test": FILE}), ("train annotations", CHANGES)),
        (replace(RECORD, ann_files={"test": FILE}), ("train annotations", CHANGES)),
        (replace(RECORD, ann_files={"train": FILE, "test": OTHER}), ("test annotations", HARMLESS)),
        (replace(RECORD, photos={"train": Photos(2, 31, "1" * 64)}), ("train photos", CHANGES)),
        (replace(RECORD, parent_checkpoint={}), ("weights of load_from", CHANGES)),
        (replace(RECORD, versions={**RECORD.versions, "torch": "2.13.0"}), ("version of torch", MAY)),
        (replace(RECORD, versions={"python": "3.11.7"}), ("version of torch", MAY)),
        (replace(RECORD, variables={"MKL_CBWR": "AVX2"}), ("variable MKL_CBWR", MAY)),
        (replace(RECORD, git=GitState("b" * 40, "main", False)), ("commit", HARMLESS)),
        (on(processes=2), ("processes", CHANGES)),
        (on(devices=["H100"]), ("devices", CHANGES)),
        (on(cpu_capability="AVX512"), ("cpu capability", CHANGES)),
        (on(cpu="cpu B"), ("cpu", MAY)),
        (on(threads=2), ("threads", MAY)),
        (on(memory_gib=8.0), ("memory (GiB)", HARMLESS)),
    ],
)
def test_each_difference_has_its_grade(now, expected):
    assert grades(now) == [expected]


def test_data_that_training_reads_holds_a_repetition_up():
    now = replace(RECORD, ann_files={"train": OTHER, "test": OTHER}, versions={}, parent_checkpoint={})
    found = find_differences(RECORD, now, ())
    assert {item.what for item in found if item.of_data} == {"train annotations", "weights of load_from"}
    assert [item.grade for item in found] == sorted((item.grade for item in found), key=[CHANGES, MAY, HARMLESS].index)


@pytest.mark.parametrize(
    ("files", "grade"),
    [
        (["sortline/pipeline/execute.py", "README.md"], MAY),
        (["team/own_head.py"], MAY),
        (["configs/x.py", "tests/test_x.py", "README.md"], HARMLESS),
        (None, MAY),
    ],
)
def test_code_counts_where_it_trains(files, grade):
    assert grades(RECORD, files) == [("code", grade)]


def test_on_a_gpu_the_processor_only_prepares_images():
    then = on(devices=["H100"])
    assert grades(on(devices=["H100"], cpu_capability="AVX512"), then=then) == [("cpu capability", MAY)]


def test_settings_changed_by_hand_show():
    assert grades(RECORD, then=replace(RECORD, settings={"lr": 0.2})) == [("settings in run.json", CHANGES)]


def test_a_run_that_went_on_with_other_code_shows():
    starts = [Start("T", "train"), Start("T", "train --resume", git=GitState("b" * 40))]
    assert grades(RECORD, then=replace(RECORD, starts=starts)) == [("code over its starts", MAY)]


def test_hidden_settings_are_listed_and_those_of_tracking_are_harmless():
    found = of_hidden(["visualizer.vis_backends.1.api_key", "train_dataloader.dataset.token"])
    assert [item.grade for item in found] == [HARMLESS, MAY]


def test_the_table_shows_every_difference_as_it_is():
    console = Console(file=io.StringIO(), width=100)
    print_differences(console, [Difference("version of torch", "[1]", "2", MAY)])
    assert all(text in console.file.getvalue() for text in ("version of torch", "[1]", MAY))
    print_differences(console, [])
    assert "Everything is as it was" in console.file.getvalue()


UNTRAINED = RunRecord("x.py", {}, {})
TRAINED = UNTRAINED.begun(Start("T", "train"))


def test_a_trained_run_can_be_repeated(tmp_path):
    TRAINED.write(tmp_path)
    assert repeatable_record(tmp_path) == TRAINED


@pytest.mark.parametrize(
    ("record", "message"),
    [
        (None, "holds no run.json"),
        (UNTRAINED, "tells of no training"),
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
        ("work_dirs/x", UNTRAINED, "work_dirs/x_repeated"),
        ("work_dirs/x/", UNTRAINED, "work_dirs/x_repeated"),
        ("work_dirs/x/fold_2", RunRecord("x.py", {}, {}, fold=2), "work_dirs/x_repeated/fold_2"),
        ("work_dirs/x/all_data", RunRecord("x.py", {"all_data": True}, {}), "work_dirs/x_repeated/all_data"),
    ],
)
def test_the_repetition_lies_beside_the_run(folder, record, expected):
    assert repeat_folder(folder, record) == Path(expected)


def test_the_folder_that_one_stands_in_has_a_name(tmp_path, monkeypatch):
    (tmp_path / "x").mkdir()
    monkeypatch.chdir(tmp_path / "x")
    assert repeat_folder(".", UNTRAINED) == tmp_path / "x_repeated"


@pytest.mark.parametrize("name", ["run.json", "epoch_1.pth"])
def test_a_folder_that_holds_a_run_is_taken(tmp_path, name):
    check_free(tmp_path)
    (tmp_path / name).touch()
    with pytest.raises(InputError, match="holds a run already"):
        check_free(tmp_path)
