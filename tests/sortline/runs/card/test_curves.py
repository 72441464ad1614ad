"""All starts of a run make one course, the later ones in place of what they repeat."""

import json

from sortline.runs.card.curves import read_curves


def log(folder, start, *rows, cut=""):
    path = folder / f"2026010{start}_120000/vis_data/scalars.json"
    path.parent.mkdir(parents=True)
    path.write_text("\n".join([*map(json.dumps, rows), cut]))


def train(step, loss):
    return {"loss": loss, "lr": 0.1, "iter": step, "epoch": 1, "step": step}


def test_a_resumed_start_replaces_what_it_repeats(tmp_path):
    log(
        tmp_path,
        1,
        train(50, 3.0),
        train(100, 2.0),
        {"contest/mAP50": 0.1, "step": 1},
        train(130, 9.0),
        cut='{"loss": 1',
    )
    log(tmp_path, 2, train(120, 1.5), {"contest/mAP50": 0.4, "step": 2}, {"contest/mAP50": 0.3, "step": 3})
    curves = read_curves(tmp_path)
    assert curves.train["loss"] == [(50, 3.0), (100, 2.0), (120, 1.5)]
    assert curves.val["contest/mAP50"] == [(1, 0.1), (2, 0.4), (3, 0.3)]
    assert curves.best("contest/mAP50") == (2, 0.4)
    assert curves.best("contest/mAP50", falls=True) == (1, 0.1)


def test_a_start_from_scratch_replaces_everything(tmp_path):
    log(tmp_path, 1, train(50, 3.0), train(100, 2.0), {"contest/mAP50": 0.1, "step": 1})
    log(tmp_path, 2, train(50, 2.5), {"contest/mAP50": 0.2, "step": 1})
    curves = read_curves(tmp_path)
    assert curves.train["loss"] == [(50, 2.5)]
    assert curves.val["contest/mAP50"] == [(1, 0.2)]


def test_a_test_adds_nothing(tmp_path):
    log(tmp_path, 1, train(50, 3.0))
    log(tmp_path, 2, {"contest/mAP50": 0.9, "step": 0})
    curves = read_curves(tmp_path)
    assert curves.train["loss"] == [(50, 3.0)]
    assert (curves.val, curves.best("contest/mAP50")) == ({}, None)


def test_a_folder_without_logs_has_no_curves(tmp_path):
    assert read_curves(tmp_path).train == {}


def test_what_is_no_finite_number_is_no_point(tmp_path):
    log = tmp_path / "20260101_120000/vis_data/scalars.json"
    log.parent.mkdir(parents=True)
    values = ["NaN", "0.25", "Infinity", "1" + "0" * 400, "1" + "0" * 5000, "true", "0.5"]
    rows = [f'{{"contest/mAP50": {value}, "step": {step}}}' for step, value in enumerate(values, start=1)]
    log.write_text("\n".join([*rows, "[" * 100_000]))
    assert read_curves(tmp_path).val == {"contest/mAP50": [(2, 0.25), (7, 0.5)]}
