"""Where pretrained weights come from, and what happens without a network; nothing is downloaded here."""

from pathlib import Path
from urllib.error import HTTPError, URLError

import pytest
from mmengine.config import Config

from custom_modules.errors import InputError

pytestmark = pytest.mark.mm

URL = "https://example.org/weights/resnet.pth"


def model(checkpoint=URL, **backbone):
    init_cfg = dict(type="Pretrained", checkpoint=checkpoint)
    return Config(dict(model=dict(type="D", backbone=dict(type="ResNet", init_cfg=init_cfg, **backbone))))


@pytest.fixture
def pretrained(monkeypatch, tmp_path):
    import torch

    from custom_modules.config import pretrained

    monkeypatch.setattr(torch.hub, "get_dir", lambda: str(tmp_path))
    return pretrained


def failing(error):
    def download(*arguments, **options):
        raise error

    return download


def test_a_cached_file_is_used(pretrained, tmp_path):
    (tmp_path / "checkpoints").mkdir()
    path = tmp_path / "checkpoints/resnet.pth"
    path.write_bytes(b"x")
    cfg = model()
    assert pretrained.resolve_pretrained(cfg) == []
    assert cfg.model.backbone.init_cfg.checkpoint == str(path)


def test_a_download_lands_in_the_cache(pretrained, monkeypatch, tmp_path):
    import torch

    monkeypatch.setattr(torch.hub, "download_url_to_file", lambda url, path, progress: Path(path).write_text(url))
    cfg = model()
    assert pretrained.resolve_pretrained(cfg) == []
    assert (tmp_path / "checkpoints/resnet.pth").read_text() == URL


@pytest.mark.parametrize("error", [URLError(OSError("no route")), TimeoutError(), ConnectionResetError()])
def test_without_a_network_training_starts_from_unfrozen_random_weights(pretrained, monkeypatch, error, tmp_path):
    import torch

    monkeypatch.setattr(torch.hub, "download_url_to_file", failing(error))
    cfg = model(frozen_stages=1, norm_eval=True, norm_cfg=dict(type="BN", requires_grad=False))
    (warning,) = pretrained.resolve_pretrained(cfg)
    assert URL in warning
    assert str(tmp_path / "checkpoints/resnet.pth") in warning
    backbone = cfg.model.backbone
    assert backbone.init_cfg is None
    assert (backbone.frozen_stages, backbone.norm_eval, backbone.norm_cfg.requires_grad) == (-1, False, True)


def test_a_server_that_lacks_the_file_is_an_error(pretrained, monkeypatch):
    import torch

    monkeypatch.setattr(torch.hub, "download_url_to_file", failing(HTTPError(URL, 404, "Not Found", {}, None)))
    with pytest.raises(InputError, match="Not Found"):
        pretrained.resolve_pretrained(model())


def test_torchvision_names_have_addresses_and_local_files_are_kept(pretrained, tmp_path):
    assert pretrained._address("torchvision://resnet50").startswith("https://download.pytorch.org/models/resnet50")
    cfg = model(str(tmp_path / "mine.pth"))
    assert pretrained.resolve_pretrained(cfg) == []
    assert cfg.model.backbone.init_cfg.checkpoint == str(tmp_path / "mine.pth")
