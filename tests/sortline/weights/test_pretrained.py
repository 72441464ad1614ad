"""Which files a config would download, found without building anything."""

import hashlib
from pathlib import Path

import pytest
from mmengine.config import Config

from sortline.errors import InputError
from sortline.weights import pretrained
from sortline.weights.pretrained import find_wants, pretrained_files, start_from_scratch

pytestmark = pytest.mark.mm

URL = "https://example.org/weights/net-12345678.pth"


def from_file(checkpoint):
    return dict(type="Pretrained", checkpoint=checkpoint)


def config(load_from=None, **backbone):
    return Config(dict(model=dict(type="D", backbone=dict(type="ResNet", **backbone)), load_from=load_from))


@pytest.mark.parametrize(
    ("checkpoint", "name"),
    [
        (URL, "net-12345678.pth"),
        ("torchvision://resnet50", "resnet50-0676ba61.pth"),
        ("open-mmlab://detectron2/resnet50_caffe", "resnet50_msra-5891d200.pth"),
        ("https://example.org/a%20b.pth?download=1", "a b.pth"),
    ],
)
def test_every_kind_of_address_has_a_target_in_the_cache(tmp_path, checkpoint, name):
    (file,) = pretrained_files(config(init_cfg=from_file(checkpoint)), tmp_path)
    assert file.target == tmp_path / name
    assert file.place == "model.backbone"
    assert file.url.startswith("http")


def test_the_checksum_in_the_name_is_known(tmp_path):
    (file,) = pretrained_files(config(init_cfg=from_file(URL)), tmp_path)
    assert file.sha256 == "12345678"


@pytest.mark.parametrize(
    ("init_cfg", "load_from"),
    [(None, None), (from_file("/my/net.pth"), None), (dict(type="Kaiming"), "work_dirs/epoch_1.pth")],
)
def test_local_files_and_random_weights_are_no_downloads(init_cfg, load_from):
    assert pretrained_files(config(load_from, init_cfg=init_cfg)) == []


def test_lists_of_init_cfg_lists_of_parts_teachers_and_load_from(tmp_path):
    cfg = config("https://example.org/start.pth", init_cfg=[dict(type="Kaiming"), from_file(URL)])
    cfg.model.heads = [dict(type="H", init_cfg=from_file("https://example.org/head.pth"))]
    cfg.model.teacher_ckpt = "https://example.org/teacher.pth"
    wants = find_wants(cfg, tmp_path)
    places = [want.file.place for want in wants]
    assert places == ["model.teacher_ckpt", "model.backbone", "model.heads.0", "load_from"]
    for want in wants:
        want.use(Path("/here") / want.file.target.name)
    assert cfg.model.backbone.init_cfg[1].checkpoint == "/here/net-12345678.pth"
    assert cfg.model["heads"][0].init_cfg.checkpoint == "/here/head.pth"
    assert cfg.model.teacher_ckpt == "/here/teacher.pth"
    assert cfg.load_from == "/here/start.pth"


def test_a_file_that_two_parts_want_is_listed_once(tmp_path):
    cfg = config(init_cfg=from_file(URL))
    cfg.model.other = dict(type="ResNet", init_cfg=from_file(URL))
    assert len(pretrained_files(cfg, tmp_path)) == 1
    assert len(find_wants(cfg, tmp_path)) == 2


def test_a_name_that_a_collection_lacks_is_refused_with_the_nearest():
    cfg = config(init_cfg=from_file("torchvision://resnet5O"))
    with pytest.raises(InputError, match="did you mean 'resnet50'"):
        pretrained_files(cfg)


def timm(model_name, **settings):
    return Config(dict(model=dict(backbone=dict(type="TimmBackbone", model_name=model_name, **settings))))


def test_weights_of_timm_have_a_name_of_their_own(tmp_path):
    (file,) = pretrained_files(timm("resnet50.a1_in1k", pretrained=True), tmp_path)
    assert file.url == "https://huggingface.co/timm/resnet50.a1_in1k/resolve/main/model.safetensors"
    assert file.target == tmp_path / "timm--resnet50.a1_in1k--model.safetensors"
    assert pretrained_files(timm("resnet50.a1_in1k", pretrained=False), tmp_path) == []
    (tmp_path / "mine.pth").touch()
    assert pretrained_files(timm("resnet50.a1_in1k", pretrained=str(tmp_path / "mine.pth")), tmp_path) == []


@pytest.mark.parametrize(
    ("pretrained", "message"), [("mine.pth", "no such file"), ("package:not_here", "is not installed")]
)
def test_a_file_of_ones_own_must_be_there(pretrained, message):
    with pytest.raises(InputError, match=message):
        pretrained_files(timm("resnet50.a1_in1k", pretrained=pretrained))


def test_a_timm_model_without_weights_is_refused():
    with pytest.raises(InputError, match=r"model.backbone \(TimmBackbone resnet50x\)"):
        pretrained_files(timm("resnet50x", pretrained=True))


@pytest.mark.parametrize("sound", [True, False])
def test_the_hubs_own_cache_counts_if_its_file_is_whole(tmp_path, monkeypatch, sound):
    content = b"\x80\x02weights"
    blob = tmp_path / "blobs" / (hashlib.sha256(content).hexdigest() if sound else "0" * 64)
    blob.parent.mkdir()
    blob.write_bytes(content)
    pointer = tmp_path / "snapshot.bin"
    pointer.symlink_to(blob)
    monkeypatch.setattr(pretrained, "cached_file", lambda file: pointer)
    cfg = timm("resnet50.a1_in1k", pretrained=True)
    (want,) = find_wants(cfg, tmp_path / "cache")
    assert want.file.here == sound
    _, path = want.file.find()
    assert path == (pointer if sound else want.file.target)
    want.use(path)
    assert cfg.model.backbone.pretrained == str(path)


def test_starting_from_scratch_trains_what_would_stay_frozen_at_random_values():
    part = dict(init_cfg=from_file(URL), frozen_stages=1, norm_eval=True, norm_cfg=dict(type="BN", requires_grad=False))
    start_from_scratch(part)
    assert part == dict(init_cfg=None, frozen_stages=-1, norm_eval=False, norm_cfg=dict(type="BN", requires_grad=True))
    part = dict(init_cfg=[dict(type="Kaiming"), from_file(URL)])
    start_from_scratch(part)
    assert part["init_cfg"] == [dict(type="Kaiming")]
    part = dict(type="TimmBackbone", pretrained=True, frozen_stages=0)
    start_from_scratch(part)
    assert part == dict(type="TimmBackbone", pretrained=False, frozen_stages=-1)
