"""Checkpoints are loaded without running their code, and bad files are named."""

import os
import pickle
from collections import OrderedDict

import numpy as np
import pytest

torch = pytest.importorskip("torch")

from mmengine.logging import HistoryBuffer  # noqa: E402
from mmengine.runner import checkpoint as mmengine_checkpoint  # noqa: E402
from torch import nn  # noqa: E402

from sortline.errors import InputError  # noqa: E402
from sortline.weights import checkpoint_loading  # noqa: E402
from sortline.weights.checkpoint_loading import install_safe_loading, load_checkpoint_safely  # noqa: E402
from sortline.weights.download import DownloadError  # noqa: E402

pytestmark = pytest.mark.mm


class Bomb:
    """Pickles as a call, which is what a malicious checkpoint does."""

    def __init__(self, target):
        self.target = str(target)

    def __reduce__(self):
        return os.mkdir, (self.target,)


def save(path, content, **kwargs):
    torch.save(content, path, **kwargs)
    return path


def detector(classes=10, anchors=1, width=8, background=0):
    """Make a model with a body and a head whose rows grow with the classes."""
    return nn.Sequential(
        OrderedDict(
            backbone=nn.Sequential(nn.Conv2d(3, width, 3), nn.BatchNorm2d(width)),
            bbox_head=nn.Conv2d(width, anchors * classes + background, 1),
        )
    )


def problem_of(function, *args, **kwargs):
    with pytest.raises(InputError) as caught:
        function(*args, **kwargs)
    (problem,) = caught.value.problems
    return problem


def test_what_mmengine_saves_is_safe(tmp_path):
    buffer = HistoryBuffer([1.0, 2.0], [1, 1])
    path = save(
        tmp_path / "a.pth",
        {
            "meta": {"epoch": 3, "dataset_meta": {"classes": ("a", "b"), "palette": np.zeros((2, 3), np.uint8)}},
            "state_dict": detector().state_dict(),
            "message_hub": {"log_scalars": OrderedDict(loss=buffer), "runtime_info": {"best": np.float64(0.5)}},
            "optimizer": torch.optim.SGD(detector().parameters(), lr=0.1, momentum=0.9).state_dict(),
        },
    )
    loaded = load_checkpoint_safely(path)
    assert loaded["meta"]["epoch"] == 3
    assert loaded["message_hub"]["runtime_info"]["best"] == 0.5
    assert loaded["message_hub"]["log_scalars"]["loss"].mean() == (1.0 + 2.0) / 2
    assert loaded["meta"]["dataset_meta"]["palette"].shape == (2, 3)


@pytest.mark.parametrize("kind", ["bool", "int8", "int64", "uint8", "float16", "float32", "float64", "str"])
def test_numpy_values_of_every_kind_are_safe(tmp_path, kind):
    array = np.array([0, 1], dtype=kind)
    path = save(tmp_path / "a.pth", {"array": array, "scalar": array[1]})
    loaded = load_checkpoint_safely(path)
    assert (loaded["array"] == array).all()
    assert loaded["scalar"] == array[1]


def test_names_of_numpy_1_and_2_are_both_known(tmp_path):
    path = save(tmp_path / "a.pth", {"value": np.float64(1.5)})
    content = path.read_bytes()
    other = tmp_path / "numpy1.pth"
    if b"numpy._core" in content:
        legacy = save(tmp_path / "legacy.pth", {"value": np.float64(1.5)}, _use_new_zipfile_serialization=False)
        other.write_bytes(legacy.read_bytes().replace(b"numpy._core.multiarray", b"numpy.core.multiarray"))
    else:
        other.write_bytes(content)
    assert load_checkpoint_safely(other)["value"] == 1.5


def test_methods_of_old_log_buffers_are_safe_and_no_other_attribute(tmp_path):
    buffer = HistoryBuffer([1.0], [1])
    buffer._statistics_methods = {"min": HistoryBuffer.min}
    loaded = load_checkpoint_safely(save(tmp_path / "a.pth", {"buffer": buffer}))
    assert loaded["buffer"]._statistics_methods == {"min": HistoryBuffer.min}
    buffer._statistics_methods = {"update": HistoryBuffer.update}
    problem = problem_of(load_checkpoint_safely, save(tmp_path / "b.pth", {"buffer": buffer}))
    assert "--trust-checkpoint" in problem.remedy


def test_code_is_refused_and_not_run(tmp_path):
    path = save(tmp_path / "a.pth", {"state_dict": {}, "bomb": Bomb(tmp_path / "boom")})
    problem = problem_of(load_checkpoint_safely, path)
    assert problem.where == str(path)
    assert "mkdir" in problem.what
    assert "--trust-checkpoint" in problem.remedy
    assert not (tmp_path / "boom").exists()
    load_checkpoint_safely(path, trust=True)
    assert (tmp_path / "boom").exists()


@pytest.mark.parametrize(
    ("make", "what"),
    [
        pytest.param(lambda path: None, "no such checkpoint", id="missing"),
        pytest.param(lambda path: path.mkdir(), "is a folder", id="folder"),
        pytest.param(lambda path: path.write_bytes(b""), "is empty", id="empty"),
        pytest.param(lambda path: path.write_text("hello"), "is not a checkpoint of torch", id="text"),
        pytest.param(lambda path: save(path, [1, 2]), "holds a list, not a dict", id="a-list"),
        pytest.param(
            lambda path: path.write_bytes(save(path, detector().state_dict()).read_bytes()[:2000]),
            "is cut short",
            id="cut",
        ),
        pytest.param(
            lambda path: path.write_bytes(
                save(path, detector().state_dict(), _use_new_zipfile_serialization=False).read_bytes()[:900]
            ),
            "is damaged",
            id="old-format-cut",
        ),
        pytest.param(lambda path: path.write_bytes(pickle.dumps(1, protocol=2)[:3]), "is damaged", id="bad-pickle"),
        pytest.param(lambda path: path.write_bytes(b"PK\5\6" + b"\0" * 18), "is damaged", id="an-empty-zip"),
    ],
)
@pytest.mark.parametrize("trust", [False, True])
def test_bad_files_are_named_with_the_reason(tmp_path, make, what, trust):
    path = tmp_path / "a.pth"
    make(path)
    problem = problem_of(load_checkpoint_safely, path, trust=trust)
    assert problem.where == str(path)
    assert what in problem.what


@pytest.fixture
def restored_loaders(monkeypatch):
    """Undo what ``install_safe_loading`` changes in mmengine."""
    loader = mmengine_checkpoint.CheckpointLoader
    monkeypatch.setattr(loader, "_schemes", loader._schemes.copy())
    monkeypatch.setattr(mmengine_checkpoint, "load_from_http", mmengine_checkpoint.load_from_http)


@pytest.mark.parametrize("trust", [False, True])
def test_mmengine_loads_safely_once_installed(tmp_path, restored_loaders, trust):
    path = save(tmp_path / "a.pth", {"bomb": Bomb(tmp_path / "boom")})
    install_safe_loading(trust)
    if trust:
        mmengine_checkpoint._load_checkpoint(str(path))
    else:
        assert "mkdir" in problem_of(mmengine_checkpoint._load_checkpoint, str(path)).what
    assert (tmp_path / "boom").exists() == trust


@pytest.mark.parametrize("name", ["https://example.org/model-0123abcd.pth", "torchvision://resnet18"])
def test_downloads_are_loaded_safely_too(tmp_path, monkeypatch, restored_loaders, name):
    def download(url, target, sha256):
        target.parent.mkdir()
        save(target, {"bomb": Bomb(tmp_path / "boom")})

    monkeypatch.setattr(torch.hub, "get_dir", lambda: str(tmp_path))
    monkeypatch.setattr(checkpoint_loading, "download", download)
    install_safe_loading()
    assert "mkdir" in problem_of(mmengine_checkpoint._load_checkpoint, name).what
    assert not (tmp_path / "boom").exists()


def test_without_network_the_place_for_the_file_is_named(tmp_path, monkeypatch, restored_loaders):
    def download(url, target, sha256):
        raise DownloadError("Name or service not known", no_network=True)

    monkeypatch.setattr(torch.hub, "get_dir", lambda: str(tmp_path))
    monkeypatch.setattr(checkpoint_loading, "download", download)
    install_safe_loading()
    problem = problem_of(mmengine_checkpoint._load_checkpoint, "https://example.org/model.pth")
    assert "Name or service not known" in problem.what
    assert str(tmp_path / "checkpoints" / "model.pth") in problem.remedy
