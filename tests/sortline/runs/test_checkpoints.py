"""Finding the checkpoint to resume from."""

import os
import zipfile
from pathlib import Path

import pytest

from sortline.errors import InputError
from sortline.runs.checkpoints import find_checkpoint, find_resume, is_best, is_complete, recall_names


def make_run(folder: Path, *names: str, last: str | None = None, cut: tuple[str, ...] = ()) -> Path:
    """Make a run folder with checkpoints, which are zip files; those in ``cut`` lack their end."""
    folder.mkdir(parents=True, exist_ok=True)
    for name in names:
        with zipfile.ZipFile(folder / name, "w") as file:
            file.writestr("archive/data.pkl", "x" * 1000)
    for name in cut:
        content = (folder / name).read_bytes()
        (folder / name).write_bytes(content[: len(content) // 2])
    if last is not None:
        (folder / "last_checkpoint").write_text(last)
    return folder


def test_the_best_checkpoint_is_the_one_that_is_named_so(tmp_path):
    folder = make_run(tmp_path, "best_a_epoch_1.pth", "best_a_epoch_2.pth", "epoch_2.pth")
    (folder / "best_checkpoint").write_text("elsewhere/best_a_epoch_1.pth")
    assert [is_best(folder / name) for name in ("best_a_epoch_1.pth", "best_a_epoch_2.pth", "epoch_2.pth")] == [
        True,
        False,
        False,
    ]
    assert not is_best(tmp_path / "none" / "epoch_1.pth")


@pytest.mark.parametrize(
    ("names", "last", "cut", "expected"),
    [
        pytest.param(["epoch_1.pth", "epoch_2.pth"], "epoch_1.pth", (), "epoch_1.pth", id="the-named-one"),
        pytest.param(["epoch_2.pth", "epoch_10.pth"], None, (), "epoch_10.pth", id="by-number-not-by-text"),
        pytest.param(["epoch_1.pth"], "epoch_9.pth", (), "epoch_1.pth", id="named-one-is-gone"),
        pytest.param(["epoch_1.pth"], "", (), "epoch_1.pth", id="last-is-empty"),
        pytest.param(["epoch_1.pth"], "\0" * 9, (), "epoch_1.pth", id="last-is-zeros"),
        pytest.param(["epoch_1.pth"], "x" * 9999, (), "epoch_1.pth", id="last-is-too-long"),
        pytest.param(["epoch_1.pth", "epoch_2.pth"], "epoch_2.pth", ("epoch_2.pth",), "epoch_1.pth", id="named-is-cut"),
        pytest.param(["iter_50.pth", "iter_100.pth"], None, (), "iter_100.pth", id="iterations"),
        pytest.param(["best_mAP_epoch_7.pth", "epoch_3.pth"], None, (), "epoch_3.pth", id="best-has-no-optimiser"),
    ],
)
def test_finds_the_checkpoint_to_continue_from(tmp_path, names, last, cut, expected):
    folder = make_run(tmp_path / "run", *names, last=last, cut=cut)
    assert find_resume(folder) == folder / expected


def test_follows_a_path_as_written_by_training(tmp_path, monkeypatch):
    make_run(tmp_path / "work_dirs" / "run", "epoch_4.pth", last="work_dirs/run/epoch_4.pth")
    monkeypatch.chdir(tmp_path)
    assert find_resume("work_dirs/run") == Path("work_dirs/run/epoch_4.pth")


def test_a_moved_folder_resumes_from_its_own_file(tmp_path):
    original = make_run(tmp_path / "a", "epoch_4.pth", last=str(tmp_path / "a" / "epoch_4.pth"))
    copy = make_run(tmp_path / "b", "epoch_4.pth", last=(original / "last_checkpoint").read_text())
    assert find_resume(copy) == copy / "epoch_4.pth"


def test_a_checkpoint_kept_elsewhere_is_followed(tmp_path):
    kept = make_run(tmp_path / "disk", "epoch_4.pth")
    run = make_run(tmp_path / "run", last=str(kept / "epoch_4.pth"))
    assert find_resume(run) == kept / "epoch_4.pth"


@pytest.mark.parametrize(
    ("make", "what", "remedy"),
    [
        pytest.param(lambda folder: None, "no such folder", "exists", id="no-folder"),
        pytest.param(make_run, "holds no checkpoint", "without --resume", id="empty"),
        pytest.param(
            lambda folder: make_run(folder, "epoch_1.pth", cut=("epoch_1.pth",)),
            "its 1 checkpoint is cut short",
            "without --resume",
            id="all-cut",
        ),
    ],
)
def test_nothing_to_resume(tmp_path, make, what, remedy):
    make(tmp_path / "run")
    with pytest.raises(InputError, match="nothing to resume") as caught:
        find_resume(tmp_path / "run")
    (problem,) = caught.value.problems
    assert what in problem.what
    assert remedy in problem.remedy
    assert problem.where == str(tmp_path / "run")


@pytest.mark.parametrize("kept", [0, 1, 100, 999])
def test_a_cut_file_is_never_complete(tmp_path, kept):
    run = make_run(tmp_path, "epoch_1.pth")
    path = run / "epoch_1.pth"
    assert is_complete(path)
    os.truncate(path, kept)
    assert not is_complete(path)


@pytest.mark.parametrize(
    ("names", "cut", "expected"),
    [
        pytest.param(["best_mAP_epoch_2.pth", "epoch_9.pth"], (), "best_mAP_epoch_2.pth", id="best"),
        pytest.param(["best_a.pth", "best_b.pth"], (), "best_b.pth", id="newest-best"),
        pytest.param(["best_a.pth", "best_b.pth"], ("best_b.pth",), "best_a.pth", id="newest-is-cut"),
        pytest.param(["epoch_2.pth", "epoch_10.pth"], (), "epoch_10.pth", id="no-best"),
    ],
)
def test_tests_with_the_best_checkpoint_else_the_last(tmp_path, names, cut, expected):
    make_run(tmp_path, *names, cut=cut)
    for seconds, name in enumerate(names):
        os.utime(tmp_path / name, (seconds, seconds))
    assert find_checkpoint(tmp_path) == tmp_path / expected


def test_a_folder_is_no_checkpoint(tmp_path):
    make_run(tmp_path, "epoch_1.pth")
    for find in (find_checkpoint, find_resume):
        with pytest.raises(InputError, match="is a folder, not a checkpoint"):
            find(tmp_path, str(tmp_path))


def test_nothing_to_test(tmp_path):
    make_run(tmp_path / "smoke", "epoch_1.pth")
    with pytest.raises(InputError, match="no checkpoint to test") as caught:
        find_checkpoint(tmp_path)
    assert f"--work-dir {tmp_path / 'smoke'}" in str(caught.value)


def test_a_resumed_checkpoint_names_what_a_training_writes():
    info = {
        "keep_ckpt_ids": [3, 4],
        "kept_best_contest/mAP50": [[0.5, "best_contest_mAP50_epoch_3.pth"], (0.4, "best_contest_mAP50_step-010.pt")],
        "outdated_best": ["best_contest_mAP50_iter_12.pth"],
        "best_score": 0.5,
        "best_ckpt": "/elsewhere/run/best_contest_mAP50_epoch_3.pth",
        "best_ckpt_contest/loss": None,
        "last_ckpt": "run/stopped.pth",
        "loss": "no name",
    }
    recalled, left_out = recall_names(info, "step-{:03d}.pt")
    assert left_out == []
    assert recalled.pop("best_ckpt") == "best_contest_mAP50_epoch_3.pth"
    assert recalled.pop("last_ckpt") == "stopped.pth"
    assert recalled.pop("kept_best_contest/mAP50") == info["kept_best_contest/mAP50"]
    assert recalled == {key: info[key] for key in recalled}
    assert recalled.keys() == {"keep_ckpt_ids", "outdated_best", "best_score", "best_ckpt_contest/loss"}


@pytest.mark.parametrize(
    ("key", "value", "kept"),
    [
        ("outdated_best", ["../other/best_a_epoch_1.pth", "/data", "photos", "run.json", "best_a_epoch_1.pth"], 1),
        ("outdated_best", ["best_/../../x_epoch_1.pth", "best_a_epoch_1.pth\0", "best_a.pth", "", None, 3], 0),
        ("outdated_best", "/data", 0),
        ("outdated_best", {"best_a_epoch_1.pth": 1}, 0),
        ("kept_best_a", [[0.5, "../x"], [0.4, "best_a_epoch_1.pth"], "ab", [0.3], ["x", "best_a_epoch_2.pth"]], 1),
        ("keep_ckpt_ids", ["../../x", 1.5, -1, True, 7], 1),
    ],
)
def test_other_names_are_left_out(key, value, kept):
    recalled, left_out = recall_names({key: value}, "epoch_{}.pth")
    assert len(recalled[key]) == kept
    assert len(left_out) == (len(value) if isinstance(value, list) else 1) - kept


@pytest.mark.parametrize(
    ("key", "value"),
    [
        ("best_ckpt", "/home/me/.ssh/id_rsa"),
        ("best_ckpt", "run.json"),
        ("best_ckpt", "epoch_1.pth"),
        ("best_ckpt_a", 7),
        ("last_ckpt", "/etc/hosts"),
        ("last_ckpt", ["epoch_1.pth"]),
        ("best_score", "much"),
    ],
)
def test_other_values_are_left_out(key, value):
    recalled, left_out = recall_names({key: value}, "epoch_{}.pth")
    assert recalled == {key: None}
    assert left_out == [f"{key}: {value!r}"]
