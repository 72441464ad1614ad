"""A recorded run becomes a config again: in another folder, on moved data, with its own validation part and seed."""

import json
import os
from dataclasses import replace

import pytest

from sortline.errors import InputError

pytestmark = pytest.mark.mm

#: A detector whose backbone asks for weights to download, as the folder names it.
PRETRAINED = (
    'model["backbone"]["init_cfg"] = dict(type="Pretrained", checkpoint="https://no-such-host.invalid/a.pth")\n'
)


@pytest.fixture
def make_record(make_dataset, make_config, tmp_path, monkeypatch):
    """Return the record of a run that held out its validation part, as its start would write it."""
    from sortline.pipeline.prepare import check_run, draft_run
    from sortline.pipeline.request import RunRequest
    from sortline.weights import pretrained

    monkeypatch.setattr(pretrained, "torch_cache", lambda: tmp_path / "cache")

    def make(extra="", **changes):
        request = RunRequest(str(make_config(make_dataset(), extra)), work_dir=str(tmp_path / "run"))
        record = check_run(draft_run(request)).record()
        (tmp_path / "tiny.py").unlink()
        return replace(record, seed=7, **changes)

    return make


def repeated(record, tmp_path, **options):
    """Prepare a record's run again in the folder ``again``."""
    from sortline.pipeline.repeat import RepeatRequest, prepare_repeat

    request = RepeatRequest(tmp_path / "run", tmp_path / "again", **options)
    return prepare_repeat(record, request, tmp_path / "again/split")


def test_the_settings_are_those_of_the_record_in_another_folder(make_record, tmp_path):
    from sortline.pipeline.prepare import describe_annotations

    record = make_record()
    repeat = repeated(record, tmp_path)
    cfg = repeat.checked.cfg
    assert (cfg.work_dir, cfg.randomness.seed) == (str(tmp_path / "again"), 7)
    assert cfg.train_pipeline[2].scale == (64, 64)
    assert repeat.checked.record().settings_types == record.settings_types
    assert cfg.train_dataloader.dataset.ann_file == str(tmp_path / "again/split/train.json")
    assert cfg.val_evaluator.ann_file == str(tmp_path / "again/split/val.json")
    hashes = {part: file["sha256"] for part, file in describe_annotations(cfg).items()}
    assert hashes == {part: file["sha256"] for part, file in record.ann_files.items()}


def test_moved_data_is_read_from_its_new_place(make_record, tmp_path):
    record = make_record()
    os.rename(tmp_path / "data", tmp_path / "data_2")
    repeat = repeated(record, tmp_path, data_root=str(tmp_path / "data_2"))
    cfg = repeat.checked.cfg
    assert cfg.train_dataloader.dataset.data_root == str(tmp_path / "data_2")
    assert cfg.test_evaluator.ann_file == str(tmp_path / "data_2/test.json")
    assert str(tmp_path / "data") + '"' not in json.dumps(cfg.to_dict())
    assert (tmp_path / "again/split/train.json").exists()


def test_parts_are_kept_where_the_file_that_was_split_is_gone(make_record, tmp_path):
    record = make_record()
    (tmp_path / "data/train.json").unlink()
    cfg = repeated(record, tmp_path).checked.cfg
    assert cfg.train_dataloader.dataset.ann_file == str(tmp_path / "run/split/train.json")


def test_a_run_that_began_at_random_does_so_again(make_record, tmp_path):
    record = make_record(PRETRAINED)
    cfg = repeated(record, tmp_path).checked.cfg
    assert cfg.model.backbone.init_cfg is None
    parents = {"model.backbone": {"path": "a.pth", "sha256": "1"}}
    record = replace(record, parent_checkpoint=parents)
    cfg = repeated(record, tmp_path).checked.cfg
    assert cfg.model.backbone.init_cfg.checkpoint == "https://no-such-host.invalid/a.pth"


def test_settings_that_nothing_understands_any_more_are_named(make_record, tmp_path):
    record = make_record()
    settings = json.loads(json.dumps(record.settings))
    settings["model"]["backbone"]["type"] = "CSPNeX"
    with pytest.raises(InputError, match="did you mean 'CSPNeXt'"):
        repeated(replace(record, settings=settings), tmp_path)
    with pytest.raises(InputError, match=r"run.json, randomness: is 3"):
        repeated(replace(record, settings={**settings, "randomness": 3}), tmp_path)
    del settings["train_pipeline"]
    with pytest.raises(InputError, match="changed by hand"):
        repeated(replace(record, settings=settings), tmp_path)


@pytest.fixture
def module_that_leaves_a_trace(tmp_path, monkeypatch):
    """A module whose import writes a file."""
    (tmp_path / "own_types.py").write_text(f"open({str(tmp_path / 'imported')!r}, 'w')\n")
    monkeypatch.syspath_prepend(tmp_path)
    return "own_types"


def test_to_look_at_a_run_imports_nothing_that_it_names(make_record, tmp_path, module_that_leaves_a_trace):
    settings = make_record().settings
    settings = {**settings, "custom_imports": dict(imports=[module_that_leaves_a_trace], allow_failed_imports=False)}
    record = replace(make_record(), settings=settings)
    repeated(record, tmp_path, look_only=True)
    assert not (tmp_path / "imported").exists()
    repeated(record, tmp_path)
    assert (tmp_path / "imported").exists()


def test_a_module_in_the_run_folder_is_no_code_to_run(make_record, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    record = make_record()
    settings = {**record.settings, "custom_imports": dict(imports=["run.own_types"], allow_failed_imports=False)}
    for look_only in (True, False):
        with pytest.raises(InputError, match="a module in the run folder itself"):
            repeated(replace(record, settings=settings), tmp_path, look_only=look_only)


@pytest.mark.parametrize(
    ("losses", "weights", "expected"),
    [
        ((12,), (5,), ["12 losses and scores that both logged are the same", "5 tensors, are the same bit for bit"]),
        (
            (12, ("iteration 50", "loss", 0.5, 0.25)),
            (5, ("state_dict.a", "state_dict.b"), 0.125),
            ["first differ at iteration 50: loss was 0.5, is 0.25", "2 of 5 tensors differ, by 0.125 at most"],
        ),
        ((0,), None, ["losses were not compared", "weights were not compared"]),
    ],
)
def test_the_verdict_tells_what_is_the_same(losses, weights, expected):
    from sortline.pipeline.repeat import verdict
    from sortline.runs.logged_scalars import LossComparison
    from sortline.weights.checkpoint_comparison import WeightComparison

    lines = verdict(LossComparison(*losses), weights and WeightComparison(*weights))
    assert [text in line for text, line in zip(expected, lines, strict=True)] == [True, True]


def test_weights_that_are_gone_are_not_compared(tmp_path):
    from sortline.pipeline.repeat import compare_last_weights

    assert compare_last_weights(tmp_path, tmp_path, trust=False) is None
