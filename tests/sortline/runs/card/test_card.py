"""The page holds what there is of a run, in one file, and never stops a run."""

import doctest
import json
import re
import shutil

import numpy as np
import pytest
from written_runs import dataset, write_run

from sortline.errors import InputError
from sortline.predictions import matching
from sortline.runs.card import card as write
from sortline.runs.card import card_validation
from sortline.runs.card.card import environment, read_card, write_card, write_card_or_say_why
from sortline.runs.card.card_validation import read_validation

SETTINGS = {"optim_wrapper": {"optimizer": {"lr": 0.1}}, "randomness": {"seed": 4}}


@pytest.fixture
def run(make_dataset, tmp_path):
    """A tested run on photos that are there, with a log of its training."""
    data = make_dataset(9)
    settings = {**SETTINGS, "val_dataloader": {"dataset": {"data_root": str(data)}}}
    config = "configs/rtmdet/rtmdet_s_1x_recycle.py"
    folder = tmp_path / "work/rtmdet_s_1x_recycle"
    write_run(folder, dataset(9), tmp_path / "val.json", range(6), settings, config=config)
    rows = [{"loss": 2.0 / step, "lr": 0.1, "iter": step, "step": step} for step in (1, 2, 3)]
    rows += [{"contest/mAP50": 0.1 * epoch, "step": epoch} for epoch in (1, 2)]
    log = folder / "20260101_120000/vis_data/scalars.json"
    log.parent.mkdir(parents=True)
    log.write_text("\n".join(map(json.dumps, rows)))
    return folder


def change_record(folder, **changes):
    record = json.loads((folder / "run.json").read_text())
    (folder / "run.json").write_text(json.dumps({**record, **changes}))


def test_the_page_of_a_tested_run_holds_everything_in_one_file(run, tmp_path):
    earlier = tmp_path / "work/base"
    write_run(earlier, dataset(9), tmp_path / "val.json", range(3), {"optim_wrapper": {"optimizer": {"lr": 0.2}}})
    change_record(earlier, config="configs/rtmdet/base_recycle.py")
    line = write_card_or_say_why(run)
    assert line == f"card: {run / 'card.html'}"
    page = (run / "card.html").read_text()
    assert "0.6667" in page  # 6 of 9 boxes are found: 2 of 3 in each class
    assert "best mAP50 in training, at epoch 2" in page
    assert "optim_wrapper.optimizer.lr 0.2 to 0.1" in page
    for heading in ("What it changed", "Curves", "Classes", "Confusion", "Photos", "Worst", "Environment"):
        assert f">{heading}</h" in page
    assert len(re.findall(r"data:image/jpeg", page)) == 9
    assert len(re.findall(r"data:image/svg", page)) == 5
    assert not re.search(r"(src|href)=\"(https?:)?//", page)
    assert len(page) < 2_000_000


def test_the_validation_of_a_page_is_matched_once(run, monkeypatch):
    calls, claim = [], matching._claim
    monkeypatch.setattr(matching, "_claim", lambda *columns: (calls.append(1), claim(*columns)))
    read_validation(run)
    assert len(calls) == 1


def test_another_score_that_decides_comes_first_with_its_interval(run, tmp_path):
    shutil.rmtree(run / "predictions")
    write_run(run, dataset(9), tmp_path / "val.json", range(6), SETTINGS, score="coco/bbox_mAP")
    labels = [label for _, label in read_card(run).scores]
    assert [label.partition(";")[0] for label in labels] == [
        "coco/bbox_mAP of 9 validation images",
        "mAP50 of 9 validation images",
        "COCO mAP, mean over IoU 0.50 to 0.95",
    ]
    assert "95% interval" in labels[0]
    change_record(run, best_score={"name": "coco/segm_mAP", "value": 0.25}, metrics={"coco/segm_mAP": 0.2})
    assert read_card(run).scores[0] == ("0.2000", "coco/segm_mAP, as the record has it")


def test_a_training_without_a_test_shows_the_parts_that_there_are(run):
    change_record(run, status="training", metrics={}, tested_checkpoint="")
    page = write_card(run).read_text()
    assert "unfinished" in page
    assert "has no predictions of its validation images" in page
    assert ">Curves</h2>" in page
    assert ">Confusion</h2>" not in page


@pytest.mark.slow
def test_absent_photos_leave_the_rest(run, tmp_path):
    shutil.rmtree(tmp_path / "data")
    page = write_card(run).read_text()
    assert "The photos are not at hand" in page
    assert "data:image/jpeg" not in page
    assert ">Confusion</h2>" in page


def test_what_comes_from_the_run_is_escaped(run):
    change_record(run, git={"commit": "<script>alert(1)", "dirty": True})
    page = write_card(run).read_text()
    assert "<script>" not in page
    assert "&lt;script&gt;alert(1)" in page


def test_nothing_that_is_wrong_stops_a_run(run, monkeypatch):
    def fail(*_):
        raise RuntimeError("two\nlines")

    monkeypatch.setattr(write, "read_card", fail)
    line = write_card_or_say_why(run)
    assert line == f"warning: no card was written: two lines; try again: python tools/make_card.py {run}"


def test_a_folder_without_a_run_is_refused(tmp_path):
    with pytest.raises(InputError, match="no such file"):
        write_card(tmp_path)


def test_the_environment_is_told_by_topic():
    record = {
        "command": "python tools/train.py x",
        "versions": {"torch": "2.12.0", "mmdet": None},
        "git": {"commit": "c0ffee", "dirty": False, "diff_file": ""},
        "hardware": {"cpu": "Xeon", "devices": ["L40S", "L40S"]},
        "ann_files": {"val": {"path": "val.json", "sha256": "ab" * 32}},
    }
    assert environment(record) == {
        "run": {"command": "python tools/train.py x"},
        "git": {"commit": "c0ffee", "dirty": "no"},
        "hardware": {"cpu": "Xeon", "devices": "L40S, L40S"},
        "versions": {"torch": "2.12.0"},
        "data": {"val": "val.json, SHA-256 abababababab..."},
    }
    assert environment({}) == {}


def test_confusions_are_told_in_words():
    assert doctest.testmod(card_validation, extraglobs={"np": np}).failed == 0


def test_annotations_that_were_moved_are_found_again(run, tmp_path):
    (tmp_path / "elsewhere").mkdir()
    (tmp_path / "val.json").rename(tmp_path / "elsewhere/val.json")
    assert "on which the run was validated is not there" in write_card(run).read_text()
    assert ">Confusion</h" in write_card(run, ann_dir=tmp_path / "elsewhere").read_text()


def test_a_link_to_a_run_has_the_runs_page(run, tmp_path):
    shutil.move(run, tmp_path / "work/x/fold_2")
    change_record(tmp_path / "work/x/fold_2", fold=2)
    link = tmp_path / "link"
    link.symlink_to(tmp_path / "work/x/fold_2")
    assert write_card(link).read_text() == write_card(tmp_path / "work/x/fold_2").read_text()


@pytest.mark.parametrize("files", [["val.json"], {"val": "val.json"}, {"val": {"path": 1, "sha256": 2}}])
def test_a_record_of_another_shape_ends_in_a_page_as_well(run, files):
    change_record(run, ann_files=files, settings={"train_cfg": 3})
    assert "is not a run&#39;s record" in write_card(run).read_text()
