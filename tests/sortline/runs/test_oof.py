"""Every image is predicted once, by the fold that did not train on it; anything else is refused."""

import json

import pytest
from helpers import coco, parts_of_fold
from written_runs import trained, write_fold_runs

from sortline.errors import InputError
from sortline.predictions.matching import Matches
from sortline.predictions.score import score
from sortline.runs.oof import collect_oof
from sortline.runs.run_folder import VAL_PREDICTIONS
from sortline.runs.run_record import RunRecord, describe_files


@pytest.fixture
def experiment(tmp_path):
    """Write three folds' runs that find every box, each with the fold's image id as hundredths of its score."""

    def make(content=None, change=lambda fold, part: part):
        for fold in range(3):
            val = change(fold, parts_of_fold(content or coco(), fold)["val"])
            ann_file = tmp_path / "folds" / f"fold_{fold}_val.json"
            ann_file.parent.mkdir(exist_ok=True)
            ann_file.write_text(json.dumps(val))
            folder = tmp_path / "run" / f"fold_{fold}"
            (folder / VAL_PREDICTIONS).parent.mkdir(parents=True)
            rows = [
                {"image_id": b["image_id"], "category_id": b["category_id"], "bbox": b["bbox"], "score": 0.9}
                for b in val["annotations"]
            ]
            (folder / VAL_PREDICTIONS).write_text(json.dumps(rows))
            record = RunRecord("configs/x.py", {}, describe_files({"val": str(ann_file)}), fold)
            trained(record, 1.0).tested("best.pth", len(val["images"]), {}).write(folder)
        return tmp_path / "run"

    return make


def refused(folder, annotations=None, **options):
    with pytest.raises(InputError) as refusal:
        collect_oof(folder, annotations or coco(), "train.json", **options)
    return str(refusal.value)


def test_all_images_are_predicted_and_scored(experiment):
    results, parts = collect_oof(experiment(), coco(), "train.json")
    assert sorted(results.image_ids.tolist()) == [0, 1, 2, 3, 4, 5]
    assert [part.fold for part in parts] == [0, 1, 2]
    assert score(Matches.of(coco(), results)).map50 == 1


def test_images_and_categories_are_known_by_name_whatever_their_ids(experiment):
    def renumbered(fold, part):
        return {
            **part,
            "images": [{**image, "id": image["id"] + 100 * fold} for image in part["images"]],
            "categories": [{**category, "id": category["id"] + 7} for category in part["categories"]],
            "annotations": [
                {**box, "image_id": box["image_id"] + 100 * fold, "category_id": box["category_id"] + 7}
                for box in part["annotations"]
            ],
        }

    results, _ = collect_oof(experiment(change=renumbered), coco(), "train.json")
    assert score(Matches.of(coco(), results)).map50 == 1


def test_an_image_of_two_folds_is_refused(experiment):
    folder = experiment(change=lambda fold, part: parts_of_fold(coco(), 0)["val"] if fold == 1 else part)
    message = refused(folder)
    assert "2 images are validated by more than one fold: train/0000.jpg (folds 0 and 1)" in message
    assert "2 images of train.json are validated by no fold: train/0001.jpg" in message


def test_a_missing_fold_is_a_gap(experiment):
    folder = experiment()
    for path in sorted((folder / "fold_2").rglob("*"), reverse=True):
        path.rmdir() if path.is_dir() else path.unlink()
    (folder / "fold_2").rmdir()
    assert "2 images of train.json are validated by no fold: train/0002.jpg, train/0005.jpg" in refused(folder)


def test_images_of_another_file_are_refused(experiment):
    assert "1 images of the folds are not in train.json: train/0005.jpg" in refused(experiment(), coco(images=5))


def test_other_categories_are_refused(experiment):
    annotations = coco()
    annotations["categories"][3]["name"] = "Steel"
    assert "lacks the folds' categories Metal" in refused(experiment(), annotations)


def test_an_unfinished_fold_is_named_with_the_command_that_finishes_it(experiment):
    folder = experiment()
    (folder / "fold_1" / VAL_PREDICTIONS).unlink()
    (folder / "fold_2" / "run.json").unlink()
    message = refused(folder)
    assert "python tools/train_folds.py configs/x.py --folds 1" in message
    assert "fold_2: has no predictions" in message
    assert "no fold" not in message.replace("no folds", "")


def test_a_fold_file_that_has_changed_or_moved_is_refused(experiment, tmp_path):
    folder = experiment()
    path = tmp_path / "folds/fold_0_val.json"
    path.write_text(path.read_text() + "\n")
    assert "fold_0_val.json: has changed since fold 0 was validated on it" in refused(folder)
    path.write_text(path.read_text()[:-1])
    path.parent.rename(tmp_path / "moved")
    assert "--folds-dir" in refused(folder)
    collect_oof(folder, coco(), "train.json", folds_dir=tmp_path / "moved")


def test_a_folder_without_folds_is_refused(tmp_path):
    assert "holds no runs of folds" in refused(tmp_path)
    assert "no such folder" in refused(tmp_path / "absent")


def with_pseudo_images(content):
    """Flag images 1 and 5 as pseudo-labelled."""
    images = [{**image, "pseudo": True} if image["id"] in (1, 5) else image for image in content["images"]]
    return {**content, "images": images}


def test_images_with_predicted_labels_have_no_part_in_it(experiment):
    merged = with_pseudo_images(coco())
    folder = experiment(merged)
    real = {**coco(), "images": [image for image in coco()["images"] if image["id"] not in (1, 5)]}
    real["annotations"] = [box for box in coco()["annotations"] if box["image_id"] not in (1, 5)]
    for annotations in (merged, real):
        results, parts = collect_oof(folder, annotations, "train.json")
        assert sorted(results.image_ids.tolist()) == [0, 2, 3, 4]
        assert [part.left_out for part in parts] == [0, 1, 1]
        assert [len(part.annotations["images"]) for part in parts] == [2, 1, 1]
        assert score(Matches.of(real, results)).map50 == 1


def test_images_that_only_train_are_no_gap(experiment):
    def without_pseudo_images(fold, part):
        images = [image for image in part["images"] if not image.get("pseudo")]
        ids = {image["id"] for image in images}
        return {**part, "images": images, "annotations": [box for box in part["annotations"] if box["image_id"] in ids]}

    merged = with_pseudo_images(coco())
    results, parts = collect_oof(experiment(merged, without_pseudo_images), merged, "train.json")
    assert sorted(results.image_ids.tolist()) == [0, 2, 3, 4]
    assert [part.left_out for part in parts] == [0, 0, 0]


def test_the_tool_counts_them(experiment, run_tool, tmp_path):
    folder = experiment(with_pseudo_images(coco()))
    (tmp_path / "train.json").write_text(json.dumps(with_pseudo_images(coco())))
    result = run_tool("collect_oof", folder, "--ann", tmp_path / "train.json")
    assert result.returncode == 0, result.stderr
    assert "2 images with pseudo labels are left out" in result.stdout
    assert "4 boxes on 4 images" in result.stdout
    kept = json.loads((folder / "predictions/oof.score.json").read_text())
    assert kept == {
        "name": "contest/mAP50",
        "value": 1.0,
        "map50": 1.0,
        "images": 4,
        "ann_file": str(tmp_path / "train.json"),
    }


def rewrite_record(folder, **changes):
    content = json.loads((folder / "run.json").read_text())
    (folder / "run.json").write_text(json.dumps({**content, **changes}))


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"status": "training"}, "fold_1: has no predictions of its validation images"),
        ({"ann_files": {}}, "fold_1: has no predictions of its validation images"),
        ({"fold": 0}, "fold_1: holds the run of fold 0"),
        ({"settings": {"lr": 0.2, "fold": 1}}, "fold_1: was trained with other settings than fold_0: lr = 0.2"),
        ({"tested_images": 1}, "its test predicted 1 of 2 validation images, as a smoke run does"),
        ({"metrics": {"contest/mAP50": 0.5}}, "scores mAP50 1.0000, but the run's test measured 0.5000"),
    ],
)
def test_a_run_that_does_not_belong_is_refused(experiment, change, message):
    folder = experiment()
    rewrite_record(folder / "fold_1", **change)
    assert message in refused(folder)


def test_predictions_taken_away_are_noticed(experiment):
    folder = experiment()
    rewrite_record(folder / "fold_2", metrics={"contest/mAP50": 1.0})
    collect_oof(folder, coco(), "train.json")
    (folder / "fold_2" / VAL_PREDICTIONS).write_text("[]")
    assert "scores mAP50 0.0000, but the run's test measured 1.0000" in refused(folder)


def test_the_tool_scores_by_what_decided_about_the_folds(run_tool, tmp_path):
    folder = write_fold_runs(tmp_path / "x", coco(images=12), range(6), score="coco/bbox_mAP")
    (tmp_path / "train.json").write_text(json.dumps(coco(images=12)))
    result = run_tool("collect_oof", folder, "--ann", tmp_path / "train.json")
    assert result.returncode == 0, result.stderr
    assert "fold 1: 4 images, coco/bbox_mAP 0." in result.stdout
    kept = json.loads((folder / "predictions/oof.score.json").read_text())
    assert (kept["name"], kept["map50"]) == ("coco/bbox_mAP", 6 / 12)
    assert kept["value"] == pytest.approx(51 / 101)  # right up to recall 0.5: 51 of 101 points
