"""What is kept of a run comes back equal; anything else is refused by name."""

import json

import pytest
from written_runs import trained

from sortline.errors import InputError
from sortline.files import file_sha256
from sortline.runs.conditions import Hardware, Photos
from sortline.runs.git_state import GitState
from sortline.runs.named_score import Score
from sortline.runs.run_record import FAILED, TRAINING, RunRecord, Start, describe_files, read_record

SOUND = {"config": "x", "settings": {}, "ann_files": {"val": {"path": "v", "sha256": "0"}}}


def test_a_record_comes_back_equal(tmp_path):
    record = RunRecord("configs/x.py", {"a": {"b": [1, None]}}, {"val": {"path": "v.json", "sha256": "0"}}, fold=2)
    record = trained(record, 0.5).tested(tmp_path / "best_epoch_3.pth", 7, {"contest/mAP50": 0.25})
    record.write(tmp_path)
    assert read_record(tmp_path) == record
    assert (record.status, record.best_score, record.tested_checkpoint) == (
        *("trained", Score("contest/mAP50", 0.5)),
        "best_epoch_3.pth",
    )
    assert (record.tested_images, record.score) == (7, Score("contest/mAP50", 0.25))


def test_what_the_run_depended_on_comes_back_equal(tmp_path):
    git = GitState("abc", "main", True, "code_1.diff", "1", ["big.py"])
    record = RunRecord(
        "configs/x.py",
        {},
        {},
        git=git,
        hardware=Hardware("Linux", "cpu", threads=2, devices=["H100"], processes=2),
        photos={"train": Photos(2, 30, "0")},
        parent_checkpoint={"load_from": {"path": "a.pth", "sha256": "1"}},
        held_out_from={"path": "train.json", "sha256": "2"},
        seed=3,
    ).begun(Start("2026-01-01T00:00:00+00:00", "python x.py", git=git))
    record.write(tmp_path)
    assert read_record(tmp_path) == record


def test_a_resumed_run_keeps_what_is_behind_it():
    parents = {"load_from": {"path": "a.pth", "sha256": "1"}}
    record = RunRecord("x.py", {}, {}, parent_checkpoint=parents)
    first = record.begun(Start("T1", "train")).after(30).after(60.04).ended(FAILED, "out of memory")
    assert (first.status, first.reason, first.seconds, first.started) == (FAILED, "out of memory", 60.0, "T1")
    assert first.finished
    second = RunRecord("x.py", {}, {}).begun(Start("T2", "train --resume", "epoch_1.pth"), first)
    assert (second.status, second.reason, second.finished, second.started) == (TRAINING, "", "", "T1")
    assert second.parent_checkpoint == parents
    second = trained(second.after(15), 0.5)
    assert second.seconds == 60.0 + 15
    assert [start.seconds for start in second.starts] == [60.0, 15]


@pytest.mark.parametrize(
    ("save_best", "score"), [("coco/bbox_mAP", Score("coco/bbox_mAP", 0.5)), (None, None), ("auto", None)]
)
def test_a_score_of_an_earlier_version_has_the_name_that_its_settings_tell(tmp_path, save_best, score):
    settings = {"default_hooks": {"checkpoint": {"save_best": save_best}}}
    (tmp_path / "run.json").write_text(json.dumps({**SOUND, "settings": settings, "best_score": 0.5}))
    assert read_record(tmp_path).best_score == score


def test_a_folder_without_a_record_has_none(tmp_path):
    assert read_record(tmp_path) is None


@pytest.mark.parametrize(
    "change",
    [
        {"new_key": 1},
        {"ann_files": []},
        {"ann_files": {"val": {"path": "v"}}},
        {"ann_files": {"val": "v"}},
        {"status": "done"},
        {"fold": "1"},
        {"metrics": None},
        {"best_score": "0.5"},
        {"best_score": {"value": 0.5}},
        {"seconds": "1"},
        {"git": {"commit": 1}},
        {"starts": [{"time": "T"}]},
        {"parent_checkpoint": {"load_from": {"path": "v"}}},
        {"held_out_from": {"path": "v"}},
    ],
)
def test_a_record_of_another_shape_is_named(tmp_path, change):
    path = tmp_path / "run.json"
    path.write_text(json.dumps(SOUND))
    assert read_record(tmp_path).config == "x"
    path.write_text(json.dumps({**SOUND, **change}))
    with pytest.raises(InputError, match=r"run\.json: is not a run's record"):
        read_record(tmp_path)


@pytest.mark.parametrize("content", ["{}", "[]", "3", "{"])
def test_what_is_not_a_record_is_named(tmp_path, content):
    (tmp_path / "run.json").write_text(content)
    with pytest.raises(InputError, match=r"run\.json"):
        read_record(tmp_path)


def test_files_are_known_by_their_content(tmp_path):
    path = tmp_path / "a.json"
    path.write_text("{}")
    assert describe_files({"train": str(path), "test": str(tmp_path / "absent.json")}) == {
        "train": {"path": str(path), "sha256": file_sha256(path)}
    }
