"""The files that a run reads are named by place and content: annotations, photos, weights to begin with."""

import json

import pytest
from helpers import coco
from mmengine.config import Config

from sortline.files import file_sha256

pytestmark = pytest.mark.mm


@pytest.fixture
def cfg(tmp_path):
    for name in ("train", "more", "val"):
        (tmp_path / f"{name}.json").write_text(json.dumps(coco(name, images=2)))
    sources = [dict(data_root=str(tmp_path), ann_file=f"{name}.json") for name in ("train", "more")]
    val = dict(data_root=str(tmp_path), ann_file="val.json", data_prefix=dict(img="photos"))
    return Config(
        dict(
            data_root=str(tmp_path),
            train_dataloader=dict(dataset=dict(type="ConcatDataset", datasets=sources)),
            val_dataloader=dict(dataset=val),
            test_dataloader=dict(dataset=dict(data_root=str(tmp_path), ann_file="absent.json")),
        )
    )


def test_annotation_files_are_named_by_part_and_absent_ones_left_out(cfg, tmp_path):
    from sortline.pipeline.prepare import describe_annotations

    paths = {"train": "train.json", "train_1": "more.json", "val": "val.json"}
    assert describe_annotations(cfg) == {
        part: {"path": str(tmp_path / name), "sha256": file_sha256(tmp_path / name)} for part, name in paths.items()
    }


def test_photos_are_looked_for_where_the_dataset_loads_them(cfg, tmp_path):
    from sortline.pipeline.run_keeping import photos_by_part

    for folder in ("train", "photos/val"):
        (tmp_path / folder).mkdir(parents=True)
        (tmp_path / folder / "0001.jpg").write_bytes(b"1234")
    found = photos_by_part(cfg)
    assert {part: (photos.count, photos.bytes) for part, photos in found.items()} == {
        "train": (2, 4),
        "train_1": (2, 0),
        "val": (2, 4),
    }


def test_the_file_that_was_split_is_named(cfg, tmp_path):
    from sortline.pipeline.prepare import held_out_from

    assert held_out_from(cfg) == {}
    cfg.ann_files = dict(held_out_from="train.json")
    path = tmp_path / "train.json"
    assert held_out_from(cfg) == {"path": str(path), "sha256": file_sha256(path)}


def test_weights_to_begin_with_are_named_by_the_key_that_wants_them(tmp_path):
    from sortline.pipeline.run_keeping import describe_parents

    files = {name: tmp_path / f"{name}.pth" for name in ("start", "backbone", "teacher", "timm")}
    for name, path in files.items():
        path.write_text(name)
    model = dict(
        type="D",
        backbone=dict(type="B", init_cfg=[dict(type="Pretrained", checkpoint=str(files["backbone"]))]),
        neck=dict(type="TimmBackbone", pretrained=str(files["timm"])),
        head=dict(init_cfg=dict(type="Pretrained", checkpoint="absent.pth")),
        teacher_ckpt=str(files["teacher"]),
    )
    cfg = Config(dict(model=model, load_from=str(files["start"])))
    places = {"load_from": "start", "model.backbone": "backbone", "model.neck": "timm", "model.teacher_ckpt": "teacher"}
    expected = {key: {"path": str(files[name]), "sha256": file_sha256(files[name])} for key, name in places.items()}
    assert describe_parents(cfg) == expected
    cfg.resume = True  # load_from is then its own checkpoint
    del expected["load_from"]
    assert describe_parents(cfg) == expected
