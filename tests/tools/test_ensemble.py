from __future__ import annotations

import json
import re
import subprocess
import sys
from pathlib import Path

import ensemble as ensemble_tool
import pytest
from helpers import ROOT, coco, refusal

from sortline.errors import InputError

TRAIN = coco("train", images=6)
TEST = coco("test", images=3, boxes=False)


def detections(images, score=0.5, shift=0.0, **changes) -> list[dict]:
    """Detect the box that image ``i`` of a file has, moved by ``shift`` pixels."""
    return [
        {"image_id": i, "category_id": i % 3, "bbox": [4.0 + i % 7 + shift, 5.0, 30.0, 20.0], "score": score, **changes}
        for i in images
    ]


@pytest.fixture
def ensemble(run_tool, tmp_path):
    """Run the tool on members' detections, of the test images unless ``train`` is true."""

    def run(members: dict[str, object], *options: object, train: bool = False, out: str = "out.bbox.json"):
        return run_tool("ensemble", *arguments(tmp_path, members, train, out), *options)

    return run


def arguments(folder: Path, members: dict[str, object], train: bool = False, out: str = "out.bbox.json") -> list[str]:
    """Write the files and return the arguments that name them."""
    for name, content in members.items():
        (folder / name).write_text(content if isinstance(content, str) else json.dumps(content))
    (folder / "train.json").write_text(json.dumps(TRAIN))
    (folder / "test.json").write_text(json.dumps(TEST))
    ann = folder / ("train.json" if train else "test.json")
    pred = [folder / name for name in members]
    return [str(word) for word in ("--ann", ann, "--pred", *pred, "--out", folder / out)]


TWO = {"a.bbox.json": detections(range(3), 0.6), "b.bbox.json": detections(range(3), 0.3, shift=3)}


def test_test_predictions_become_results_and_a_submission(ensemble, tmp_path):
    result = ensemble(TWO, "--weights", 2, 1)
    assert result.returncode == 0, result.stderr
    fused = json.loads((tmp_path / "out.bbox.json").read_text())
    assert [row["image_id"] for row in fused] == [0, 1, 2]
    assert fused[0]["bbox"][0] == pytest.approx((2 * 0.6 * 4 + 0.3 * 7) / (2 * 0.6 + 0.3))
    assert fused[0]["score"] == pytest.approx((2 * 0.6 + 0.3) / 2 * 2 / (2 + 1))
    assert "out.bbox.json: 3 boxes on 3 images" in result.stdout
    assert "can't be known here" in result.stdout
    assert "--ann TRAIN.json" in result.stdout
    as_csv = ensemble(TWO, "--weights", 2, 1, out="out.csv")
    assert as_csv.returncode == 0, as_csv.stderr
    assert (tmp_path / "out.csv").read_text().splitlines()[1].endswith(",test/0000.jpg")
    assert "3 images, 3 boxes" in as_csv.stdout


def test_submissions_are_taken_as_members(ensemble, tmp_path):
    rows = ["PredictionString,image_id", "0 0.3 7 5 37 25,test/0000.jpg", ",test/0001.jpg", ",test/0002.jpg"]
    result = ensemble({"a.json": detections([0], 0.6), "b.csv": "\n".join(rows)})
    assert result.returncode == 0, result.stderr
    assert json.loads((tmp_path / "out.bbox.json").read_text())[0]["score"] == pytest.approx((0.6 + 0.3) / 2)


def test_members_and_ensemble_are_scored_where_the_truth_is_known(ensemble):
    halves = {"a.json": detections(range(4)), "b.json": detections(range(2, 6))}
    result = ensemble(halves, train=True)
    assert result.returncode == 0, result.stderr
    scores = dict(re.findall(r"^(\w+) +(\d\.\d{4})$", result.stdout, flags=re.M))
    # Images 0 to 3 hold both boxes of class 0 and one of two of the others, and so do images 2 to 5.
    assert scores == {
        "a": f"{(1 + 1 / 2 + 1 / 2) / 3:.4f}",
        "b": f"{(1 / 2 + 1 / 2 + 1) / 3:.4f}",
        "ensemble": "1.0000",
    }
    assert "the ensemble (1.0000) is 0.3333 above its best member" in result.stdout
    assert "warning: a has no box on 2 of the 4 images" in result.stderr


def test_an_ensemble_below_its_best_member_can_not_be_missed(ensemble, tmp_path):
    # NMS keeps the bad member's box, which is surer, and drops the good one's.
    careless = {"good.json": detections(range(6), 0.5), "bad.json": detections(range(6), 0.9, shift=11)}
    result = ensemble(careless, "--method", "nms", "--iou-thr", 0.4, train=True)
    assert result.returncode == 0, result.stderr
    assert "warning: the ensemble (0.0000) is BELOW its best member, good (1.0000), by 1.0000" in result.stderr
    assert "tune_ensemble.py" in result.stderr


def test_a_recipe_repeats_the_settings_on_other_predictions(ensemble, tmp_path):
    oof = {"atss_oof.json": detections(range(6), 0.6), "dino_oof.json": detections(range(6), 0.4, shift=2)}
    options = ["--method", "nmw", "--iou-thr", 0.6, "Paper pack=0.3", "--weights", 1, 2, "--max-per-image", 5]
    recipe = tmp_path / "recipe.yaml"
    assert ensemble(oof, *options, "--write-recipe", recipe, train=True).returncode == 0
    test = {"atss_test.json": TWO["a.bbox.json"], "dino_test.json": TWO["b.bbox.json"]}
    by_options = ensemble(test, *options, out="options.json")
    by_recipe = ensemble(test, "--recipe", recipe, out="recipe.json")
    assert by_options.returncode == by_recipe.returncode == 0, by_options.stderr + by_recipe.stderr
    assert (tmp_path / "options.json").read_text() == (tmp_path / "recipe.json").read_text()
    swapped = refusal(ensemble(dict(reversed(test.items())), "--recipe", recipe, out="swapped.json"))
    assert "in another order than --pred: atss, dino" in swapped
    others = ensemble(TWO, "--recipe", recipe, out="others.json")
    assert "--same-order" in refusal(others)
    assert ensemble(TWO, "--recipe", recipe, "--same-order", out="others.json").returncode == 0
    assert "--method would say as well" in refusal(ensemble(test, "--recipe", recipe, "--method", "nms"))
    one = {"atss_test.json": test["atss_test.json"]}
    assert "is for 2 members, and 1 files" in refusal(ensemble(one, "--recipe", recipe, "--same-order"))


@pytest.mark.parametrize("kind", ["isotonic", "platt"])
def test_scores_are_rescaled_by_what_they_meant_out_of_fold(ensemble, tmp_path, kind):
    def oof(sure: float) -> list[dict]:
        right, wrong = detections(range(6), sure), detections(range(6), sure / 2, bbox=[50.0, 40.0, 5.0, 5.0])
        return right + wrong

    members = {"a_oof.json": oof(0.8), "b_oof.json": oof(0.4)}
    paths = [tmp_path / name for name in members]
    options = ["--rescale", kind, "--oof", *paths, "--oof-ann", tmp_path / "train.json"]
    result = ensemble(members, *options, "--write-recipe", tmp_path / "r.yaml", train=True)
    assert result.returncode == 0, result.stderr
    assert f"{kind} of a: one for all classes (fewer than 50 right or wrong boxes" in result.stdout
    assert "fitted to these images" in result.stdout
    test = {"a_test.json": detections([0], 0.8), "b_test.json": detections([1], 0.4)}
    assert ensemble(test, "--recipe", tmp_path / "r.yaml").returncode == 0
    first, second = json.loads((tmp_path / "out.bbox.json").read_text())
    assert first["score"] == pytest.approx(second["score"], rel=0.01)  # both were right each time


@pytest.mark.parametrize(
    ("members", "options", "expected"),
    [
        (TWO, ["--weights", 1], "weights: holds 1 numbers for 2 members"),
        (TWO, ["--weights", 1, -1], "weights: holds -1.0"),
        (TWO, ["--weights", 0, 0], "weights: has no weight above 0"),
        (TWO, ["--iou-thr", 1.5], "iou_thr: is 1.5"),
        (TWO, ["--iou-thr", "Baterry=0.4"], "did you mean 'Battery'?"),
        (TWO, ["--iou-thr", "Battery"], "--iou-thr: can't be read: 'Battery'"),
        (TWO, ["--iou-thr", 0.5, 0.6], "--iou-thr: has 2 numbers for all classes"),
        (TWO, ["--rescale", "platt"], "--oof: is missing, which --rescale platt needs"),
        (TWO, ["--recipe", "no.yaml"], "no.yaml: no such file"),
        ({**TWO, "c.json": []}, [], "c.json: holds no boxes"),
        ({**TWO, "c.json": ""}, [], "c.json: is empty"),
        ({**TWO, "c.json": detections([7])}, [], "c.json: 1 row of images that the annotation file does not list"),
        ({**TWO, "c.json": detections([0], category_id=42)}, [], "category_id 42"),
        ({**TWO, "c.json": detections([0], score=-0.5)}, [], "c.json: 1 row with a score outside 0 to 1"),
        ({**TWO, "c.txt": detections([0])}, [], "c.txt: ends in '.txt'"),
    ],
)
def test_bad_input_is_named(tmp_path, members, options, expected):
    with pytest.raises(InputError) as caught:
        ensemble_tool.main([*arguments(tmp_path, members), *map(str, options)])
    assert expected in str(caught.value)
    assert not (tmp_path / "out.bbox.json").exists()


def test_bad_members_are_refused_together_and_nothing_is_written(ensemble, tmp_path):
    message = refusal(ensemble({**TWO, "c.json": [], "d.json": detections([7])}))
    assert "c.json: holds no boxes" in message
    assert "d.json: 1 row of images" in message
    assert "2 problems" in message
    assert not (tmp_path / "out.bbox.json").exists()


def test_paths_that_can_not_be_meant_are_refused_together():
    with pytest.raises(InputError) as caught:
        ensemble_tool.main(["--ann", "a.json", "--pred", "b.json", "b.json", "--out", "b.json", "--oof", "b.json"])
    message = str(caught.value)
    assert "--out: b.json would overwrite what is read" in message
    assert "--pred: lists b.json more than once" in message
    assert "--oof: lists 1 files for the 2 of --pred" in message
    assert "--oof-ann go together" in message
    with pytest.raises(InputError, match="--out: o ends in neither"):
        ensemble_tool.main(["--ann", "a.json", "--pred", "b.json", "--out", "o"])


def test_help_shows_defaults_without_numpy(run_tool):
    assert "default: 0.55" in run_tool("ensemble", "--help").stdout
    code = "import runpy, sys; sys.path.insert(0, 'tools'); runpy.run_path('tools/ensemble.py'); print(sys.modules)"
    loaded = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True)
    assert "'numpy'" not in loaded.stdout
