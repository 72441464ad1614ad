"""Where pretrained weights come from, and what happens without a network; nothing comes from outside this machine."""

import pytest
from file_server import serving
from mmengine.config import Config

from sortline.errors import InputError

pytestmark = pytest.mark.mm

CONTENT = b"\x80\x02weights"
NOWHERE = "https://no-such-host.invalid/weights/resnet.pth"


def config(*checkpoints, **backbone):
    """Return a config with one part for each checkpoint; the first is the backbone."""
    names = ["backbone", "neck", "head"]
    parts = {
        name: dict(type=f"A{name}", init_cfg=dict(type="Pretrained", checkpoint=checkpoint))
        for name, checkpoint in zip(names, checkpoints, strict=False)
    }
    parts["backbone"].update(backbone)
    return Config(dict(model=dict(type="D", **parts)), filename=__file__)


@pytest.fixture
def pretrained(monkeypatch, tmp_path):
    import torch

    from sortline.weights import fetch_pretrained as pretrained

    monkeypatch.setattr(torch.hub, "get_dir", lambda: str(tmp_path))
    return pretrained


@pytest.fixture
def server():
    with serving(CONTENT) as running:
        yield running


def test_a_cached_file_is_used(pretrained, tmp_path):
    (tmp_path / "checkpoints").mkdir()
    path = tmp_path / "checkpoints/resnet.pth"
    path.write_bytes(CONTENT)
    cfg = config(NOWHERE)
    assert pretrained.resolve_pretrained(cfg) == []
    assert cfg.model.backbone.init_cfg.checkpoint == str(path)
    assert pretrained.missing_lines(config(NOWHERE)) == []


def test_a_download_lands_in_the_cache(pretrained, server, tmp_path):
    cfg = config(server.url("resnet.pth"))
    assert pretrained.resolve_pretrained(cfg) == []
    assert (tmp_path / "checkpoints/resnet.pth").read_bytes() == CONTENT
    assert cfg.model.backbone.init_cfg.checkpoint == str(tmp_path / "checkpoints/resnet.pth")


def test_without_a_network_all_that_is_missing_is_said_together(pretrained, server, tmp_path):
    other = "https://other-host.invalid/neck.pth"
    cfg = config(NOWHERE, other, server.url("head.pth"))
    with pytest.raises(InputError) as caught:
        pretrained.resolve_pretrained(cfg)
    first, second = caught.value.problems
    assert first.where == "model.backbone (Abackbone)"
    assert f"{NOWHERE} belongs at {tmp_path}/checkpoints/resnet.pth" in first.what
    assert second.where == "model.neck (Aneck)"
    assert f"{other} belongs at {tmp_path}/checkpoints/neck.pth" in second.what
    assert f"python tools/pretrained.py {__file__} --list-urls" in second.remedy
    assert "--from-scratch" in second.remedy


def test_an_unreachable_server_is_asked_for_one_file_only(pretrained, monkeypatch):
    asked = []

    def download(url, target, sha256):
        asked.append(url)
        raise pretrained.DownloadError("timed out", no_network=True)

    monkeypatch.setattr(pretrained, "download", download)
    with pytest.raises(InputError) as caught:
        pretrained.resolve_pretrained(config(NOWHERE, NOWHERE.replace("resnet", "neck")))
    assert len(caught.value.problems) == 2
    assert asked == [NOWHERE]


def test_from_scratch_starts_from_unfrozen_random_weights(pretrained, tmp_path):
    cfg = config(NOWHERE, frozen_stages=1, norm_eval=True, norm_cfg=dict(type="BN", requires_grad=False))
    (warning,) = pretrained.resolve_pretrained(cfg, from_scratch=True)
    assert "RANDOM" in warning
    assert NOWHERE in warning
    assert str(tmp_path / "checkpoints/resnet.pth") in warning
    backbone = cfg.model.backbone
    assert backbone.init_cfg is None
    assert (backbone.frozen_stages, backbone.norm_eval, backbone.norm_cfg.requires_grad) == (-1, False, True)


@pytest.mark.parametrize("from_scratch", [False, True])
def test_a_server_that_lacks_the_file_is_an_error_in_any_case(pretrained, server, from_scratch):
    server.answer = 404
    with pytest.raises(InputError, match="404 Not Found") as caught:
        pretrained.resolve_pretrained(config(server.url("net.pth")), from_scratch)
    assert "correct the address" in caught.value.problems[-1].remedy


def test_a_teacher_has_no_substitute(pretrained):
    cfg = config("/mine.pth")
    cfg.model.teacher_ckpt = NOWHERE
    with pytest.raises(InputError, match="random ones teach nothing"):
        pretrained.resolve_pretrained(cfg, from_scratch=True)


def test_a_resumed_run_has_its_weights_in_its_checkpoint(pretrained):
    cfg = config(NOWHERE, frozen_stages=1)
    cfg.resume = True
    assert pretrained.resolve_pretrained(cfg) == []
    assert cfg.model.backbone.init_cfg is None
    assert cfg.model.backbone.frozen_stages == 1  # the checkpoint's frozen layers stay frozen


def test_a_plan_says_what_is_missing_or_damaged(pretrained, tmp_path):
    first, command = pretrained.missing_lines(config(NOWHERE))
    assert "not in the cache yet" in first
    assert NOWHERE in first
    assert f"tools/pretrained.py {__file__}" in command
    (tmp_path / "checkpoints").mkdir()
    (tmp_path / "checkpoints/resnet.pth").write_bytes(b"PK cut")
    assert "damaged in the cache (it is cut short" in pretrained.missing_lines(config(NOWHERE))[0]
