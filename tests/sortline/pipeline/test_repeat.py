"""A recorded run becomes a config again: in another folder, on moved data, with its own validation part and seed."""

import argparse
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
    from sortline.pipeline.prepare import prepare
    from sortline.weights import pretrained

    monkeypatch.setattr(pretrained, "torch_cache", lambda: tmp_path / "cache")

    def make(extra="", **changes):
        options = dict(
            cfg_options={}, data_root=None, work_dir=str(tmp_path / "run"), fold=None, smoke=False, seed=None
        )
        args = argparse.Namespace(config=str(make_config(make_dataset(), extra)), **options)
        record = prepare(args).record()
        (tmp_path / "tiny.py").unlink()
        return replace(record, seed=7, **changes)

    return make


def test_the_settings_are_those_of_the_record_in_another_folder(make_record, tmp_path):
    from sortline.pipeline.repeat import prepare_repeat
    from sortline.pipeline.run_inputs import describe_annotations

    record = make_record()
    repeat = prepare_repeat(record, tmp_path / "again", tmp_path / "again/split")
    cfg = repeat.prepared.cfg
    assert (cfg.work_dir, cfg.randomness.seed) == (str(tmp_path / "again"), 7)
    assert cfg.train_pipeline[2].scale == (64, 64)
    assert repeat.prepared.record().settings_types == record.settings_types
    assert cfg.train_dataloader.dataset.ann_file == str(tmp_path / "again/split/train.json")
    assert cfg.val_evaluator.ann_file == str(tmp_path / "again/split/val.json")
    hashes = {part: file["sha256"] for part, file in describe_annotations(cfg).items()}
    assert hashes == {part: file["sha256"] for part, file in record.ann_files.items()}


def test_moved_data_is_read_from_its_new_place(make_record, tmp_path):
    from sortline.pipeline.repeat import prepare_repeat

    record = make_record()
    os.rename(tmp_path / "data", tmp_path / "data_2")
    repeat = prepare_repeat(record, tmp_path / "again", tmp_path / "again/split", str(tmp_path / "data_2"))
    cfg = repeat.prepared.cfg
    assert cfg.train_dataloader.dataset.data_root == str(tmp_path / "data_2")
    assert cfg.test_evaluator.ann_file == str(tmp_path / "data_2/test.json")
    assert str(tmp_path / "data") + '"' not in json.dumps(cfg.to_dict())
    assert (tmp_path / "again/split/train.json").exists()


def test_parts_are_kept_where_the_file_that_was_split_is_gone(make_record, tmp_path):
    from sortline.pipeline.repeat import prepare_repeat

    record = make_record()
    (tmp_path / "data/train.json").unlink()
    cfg = prepare_repeat(record, tmp_path / "again", tmp_path / "again/split").prepared.cfg
    assert cfg.train_dataloader.dataset.ann_file == str(tmp_path / "run/split/train.json")


def test_a_run_that_began_at_random_does_so_again(make_record, tmp_path):
    from sortline.pipeline.repeat import prepare_repeat

    record = make_record(PRETRAINED)
    cfg = prepare_repeat(record, tmp_path / "again", tmp_path / "again/split").prepared.cfg
    assert cfg.model.backbone.init_cfg is None
    parents = {"model.backbone": {"path": "a.pth", "sha256": "1"}}
    record = replace(record, parent_checkpoint=parents)
    cfg = prepare_repeat(record, tmp_path / "again", tmp_path / "again/split").prepared.cfg
    assert cfg.model.backbone.init_cfg.checkpoint == "https://no-such-host.invalid/a.pth"


def test_settings_that_nothing_understands_any_more_are_named(make_record, tmp_path):
    from sortline.pipeline.repeat import prepare_repeat

    record = make_record()
    settings = json.loads(json.dumps(record.settings))
    settings["model"]["backbone"]["type"] = "CSPNeX"
    with pytest.raises(InputError, match="did you mean 'CSPNeXt'"):
        prepare_repeat(replace(record, settings=settings), tmp_path / "again", tmp_path / "again/split")
    with pytest.raises(InputError, match=r"run.json, randomness: is 3"):
        prepare_repeat(replace(record, settings={**settings, "randomness": 3}), tmp_path / "again", tmp_path / "split")
    del settings["train_pipeline"]
    with pytest.raises(InputError, match="changed by hand"):
        prepare_repeat(replace(record, settings=settings), tmp_path / "again", tmp_path / "again/split")
