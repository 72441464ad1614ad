import zipfile
from pathlib import Path

import pytest

from sortline.errors import InputError
from sortline.runs.best_epochs import best_epochs
from sortline.runs.run_record import TRAINED, TRAINING, RunRecord


def make_fold(root: Path, fold: int, epoch: int | None, status: str = TRAINED) -> Path:
    folder = root / f"fold_{fold}"
    folder.mkdir(parents=True)
    RunRecord("configs/x/x.py", {}, {}, fold, status).write(folder)
    name = f"best_contest_mAP50_epoch_{epoch}.pth" if epoch else "epoch_4.pth"
    with zipfile.ZipFile(folder / name, "w") as file:
        file.writestr("data", "")
    return folder


@pytest.mark.parametrize(
    ("epochs", "median"), [([9, 12, 11], 11), ([12, 8], 12), ([10, 11, 9, 10], 10), ([7], 7), (list(range(1, 12)), 6)]
)
def test_the_median_decides_and_of_two_the_later(tmp_path, epochs, median):
    for fold, epoch in enumerate(epochs):
        make_fold(tmp_path, fold, epoch)
    found = best_epochs(tmp_path)
    assert found.epochs == dict(enumerate(epochs))
    assert found.median == median


def test_everything_unfinished_is_reported_together(tmp_path):
    make_fold(tmp_path, 0, 12)
    make_fold(tmp_path, 1, 3, TRAINING)
    make_fold(tmp_path, 2, None)
    (tmp_path / "fold_3").mkdir()
    with pytest.raises(InputError) as error:
        best_epochs(tmp_path)
    shown = [(Path(problem.where).name, problem.what) for problem in error.value.problems]
    assert shown == [
        ("fold_1", "was not trained to its end"),
        ("fold_2", "kept no best checkpoint of an epoch; it has epoch_4.pth"),
        ("fold_3", "was not trained to its end"),
    ]
    assert "--folds 1" in error.value.problems[0].remedy


@pytest.mark.parametrize("name", ["", "nowhere"])
def test_a_folder_without_folds_is_refused(tmp_path, name):
    with pytest.raises(InputError, match="holds no runs of folds"):
        best_epochs(tmp_path / name)


def test_folds_that_different_scores_decided_do_not_compare(tmp_path):
    for fold, name in enumerate(("contest/mAP50", "contest/mAP50", "coco/bbox_mAP")):
        folder = make_fold(tmp_path, fold, 9)
        RunRecord("configs/x/x.py", {"deciding_score": name}, {}, fold, TRAINED).write(folder)
    with pytest.raises(InputError, match="fold_2: was decided by coco/bbox_mAP, the first fold by contest/mAP50"):
        best_epochs(tmp_path)
