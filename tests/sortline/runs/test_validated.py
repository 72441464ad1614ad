"""Predictions count only with the file that they were made on and as the run's test has scored them."""

import json

import pytest
from written_runs import dataset, write_run

from sortline.errors import InputError
from sortline.runs.named_score import Score
from sortline.runs.run_folder import VAL_PREDICTIONS
from sortline.runs.run_record import RunRecord
from sortline.runs.validated import doubt_about_test, finished_record, read_validated


@pytest.fixture
def run(tmp_path):
    return write_run(tmp_path / "run", dataset(6), tmp_path / "val.json", range(4))


def test_predictions_are_read_with_their_annotations(run, tmp_path):
    read = read_validated(run, finished_record(run))
    assert read.ann_file == tmp_path / "val.json"
    assert (len(read.annotations["images"]), len(read.results), read.left_out) == (6, 4, 0)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"status": "training"}, "has no predictions of its validation images"),
        ({"tested_images": 2}, "its test predicted 2 of 6 validation images, as a smoke run does"),
        ({"metrics": {"contest/mAP50": 0.9}}, "scores mAP50 0.6667, but the run's test measured 0.9000"),
        ({"metrics": {"loss": 1.0, "coco/bbox_mAP": 0.9}}, "scores coco/bbox_mAP 0.6"),
    ],
)
def test_what_does_not_belong_is_refused_with_a_command_for_this_run(run, change, message):
    record = json.loads((run / "run.json").read_text())
    (run / "run.json").write_text(json.dumps({**record, **change}))
    with pytest.raises(InputError, match=message) as refusal:
        read_validated(run, finished_record(run))
    assert f"python tools/test.py configs/family/x.py --work-dir {run}" in str(refusal.value)


@pytest.mark.parametrize(("best", "doubts"), [(0.5, False), (0.5009, False), (0.502, True), (None, False)])
def test_a_test_that_disagrees_with_training_is_doubted(best, doubts):
    best_score = None if best is None else Score("coco/bbox_mAP", best)
    record = RunRecord("x.py", {}, {}, best_score=best_score, metrics={"contest/mAP50": 0.9, "coco/bbox_mAP": 0.5})
    assert bool(doubt_about_test(record)) is doubts


def test_a_test_that_did_not_measure_what_training_chose_by_is_not_doubted():
    record = RunRecord("x.py", {}, {}, best_score=Score("coco/bbox_mAP", 0.2), metrics={"contest/mAP50": 0.5})
    assert doubt_about_test(record) == ""


def test_a_changed_annotation_file_is_refused(run, tmp_path):
    (tmp_path / "val.json").write_text(json.dumps(dataset(7)))
    with pytest.raises(InputError, match=r"has changed since the run was validated on it\n.*test the run again"):
        read_validated(run, finished_record(run))


def test_lost_predictions_are_noticed(run):
    (run / VAL_PREDICTIONS).unlink()
    with pytest.raises(InputError, match="finish it"):
        finished_record(run)
