"""Where a timm backbone's weights come from, and what is said where they can't be had."""

from __future__ import annotations

from pathlib import Path

import pytest

torch = pytest.importorskip("torch")
pytest.importorskip("timm")

from huggingface_hub import constants  # noqa: E402

from custom_modules.models.timm_backbone import TimmBackbone  # noqa: E402
from sortline.errors import InputError  # noqa: E402
from sortline.weights.timm_source import timm_source  # noqa: E402

pytestmark = pytest.mark.mm


@pytest.fixture
def hub_cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty cache of the Hugging Face hub, on a machine without network."""
    monkeypatch.setattr(constants, "HF_HUB_CACHE", str(tmp_path / "hub"))
    monkeypatch.setattr(constants, "HF_HUB_OFFLINE", True)
    return tmp_path / "hub"


def put_in_cache(cache: Path, repository: str, name: str, content: dict[str, torch.Tensor]) -> Path:
    """Lay a file down as the hub's library does after a download."""
    from safetensors.torch import save_file

    folder = cache / f"models--{repository.replace('/', '--')}"
    path = folder / "snapshots" / "0a1b" / name
    path.parent.mkdir(parents=True)
    (folder / "refs").mkdir()
    (folder / "refs" / "main").write_text(path.parent.name)
    save_file(content, path)
    return path


def test_random_weights_come_from_nowhere() -> None:
    assert timm_source("resnet10t", False) is None


def test_a_file_is_its_own_source(tmp_path: Path) -> None:
    path = tmp_path / "net.pth"
    path.touch()
    assert timm_source("resnet10t", str(path)).path == path


def test_weights_of_the_hub_by_repository_file_and_address(hub_cache: Path) -> None:
    source = timm_source("swin_tiny_patch4_window7_224", True)
    assert (source.hub_id, source.hub_file) == ("timm/swin_tiny_patch4_window7_224.ms_in1k", "model.safetensors")
    assert source.url == f"https://huggingface.co/{source.hub_id}/resolve/main/model.safetensors"
    assert source.path is None


def test_a_tag_chooses_among_the_weights(hub_cache: Path) -> None:
    assert timm_source("swin_tiny_patch4_window7_224.ms_in22k", True).hub_id.endswith(".ms_in22k")


def test_weights_on_another_server(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TORCH_HOME", str(tmp_path))
    source = timm_source("gcvit_xxtiny", True)
    assert source.url.startswith("https://github.com/")
    assert source.path is None
    path = tmp_path / "hub" / "checkpoints" / source.url.rpartition("/")[2]
    path.parent.mkdir(parents=True)
    path.touch()
    assert timm_source("gcvit_xxtiny", True).path == path


def test_a_model_without_weights_is_refused() -> None:
    with pytest.raises(InputError, match="timm has no weights of botnet50ts_256"):
        timm_source("botnet50ts_256", True)


def test_a_file_in_the_hubs_cache_is_used_without_network(hub_cache: Path) -> None:
    import timm

    torch.manual_seed(1)
    weights = timm.create_model("resnet10t").state_dict()
    path = put_in_cache(hub_cache, "timm/resnet10t.c3_in1k", "model.safetensors", weights)
    assert timm_source("resnet10t", True).path == path
    net = TimmBackbone("resnet10t", pretrained=True)
    net.init_weights()
    assert torch.equal(net.body.conv1[0].weight, weights["conv1.0.weight"])


def test_without_network_and_file_the_message_says_which_file_and_how(hub_cache: Path) -> None:
    with pytest.raises(InputError) as caught:
        TimmBackbone("resnet10t", pretrained=True).init_weights()
    message = str(caught.value)
    assert "the weights timm/resnet10t.c3_in1k/model.safetensors are neither on this machine" in message
    assert "download https://huggingface.co/timm/resnet10t.c3_in1k/resolve/main/model.safetensors" in message
    assert "set pretrained='<folder>/model.safetensors'" in message
