"""Runs are read from folders, folds, out-of-fold predictions and files; only the same photos and boxes compare."""

import copy
import json
import shutil

import pytest
from written_runs import dataset, found_rows, write_fold_runs, write_run

from sortline.errors import InputError
from sortline.predictions.ranking import map50_of
from sortline.runs.comparison.compared_runs import on_the_same_images, photos_of, read_candidates
from sortline.runs.run_folder import OOF_PREDICTIONS
from sortline.runs.run_record import RunRecord


@pytest.fixture
def two_runs(tmp_path):
    return [
        str(write_run(tmp_path / name, dataset(12), tmp_path / name / "split/val.json", range(found)))
        for name, found in (("a", 6), ("b", 9))
    ]


def refused(*arguments, **options):
    with pytest.raises(InputError) as refusal:
        read_candidates(*arguments, **options)
    return str(refusal.value)


def test_a_run_gives_its_validation_predictions(two_runs):
    first, second = read_candidates(two_runs)
    assert [first.name, second.name] == ["a", "b"]
    assert [len(entry.parts[0].results) for entry in (first, second)] == [6, 9]
    assert first.parts[0].fold is None
    assert first.parts[0].sha256 == second.parts[0].sha256


def test_folds_are_parts_and_can_be_chosen(tmp_path):
    folders = [str(write_fold_runs(tmp_path / name, dataset(), range(20))) for name in ("a", "b")]
    assert [part.fold for part in read_candidates(folders)[0].parts] == [0, 1, 2]
    assert [part.fold for part in read_candidates(folders, folds=[2, 0])[1].parts] == [0, 2]
    message = refused(folders, folds=[1, 5])
    assert "fold_5: has no predictions of its validation images" in message
    assert "--folds 5" in message


def test_with_an_annotation_file_folds_become_out_of_fold_predictions(tmp_path):
    content, path = dataset(), tmp_path / "train.json"
    path.write_text(json.dumps(content))
    folders = [write_fold_runs(tmp_path / name, content, range(20)) for name in ("a", "b")]
    (folders[1] / OOF_PREDICTIONS).parent.mkdir()
    (folders[1] / OOF_PREDICTIONS).write_text(json.dumps(found_rows(content, range(5))))
    candidates = read_candidates([*map(str, folders)], str(path))
    assert [len(entry.parts[0].results) for entry in candidates] == [20, 5]  # collected, and read as it lies there


def test_an_annotation_file_that_the_runs_were_validated_on_changes_nothing(two_runs):
    candidates = read_candidates(two_runs, f"{two_runs[1]}/split/val.json")
    assert [len(entry.parts[0].results) for entry in candidates] == [6, 9]


def test_files_need_their_annotation_file(two_runs, tmp_path):
    files = [f"{folder}/predictions/val.bbox.json" for folder in two_runs]
    assert "name the annotation file with --ann" in refused(files)
    first, second = read_candidates(files, f"{two_runs[0]}/split/val.json")
    assert (first.name, second.name) == ("a", "b")
    assert len(second.parts[0].results) == 9


def test_what_can_not_be_read_is_reported_together(two_runs, tmp_path):
    other = tmp_path / "train.json"
    other.write_text(json.dumps(dataset(3)))
    message = refused([*two_runs, str(tmp_path / "nowhere")], str(other))
    assert message.count("it has no folds and was validated on another file") == 2
    assert "'nowhere' in it does not" in message
    assert "is given twice" in refused([two_runs[0], f"{two_runs[0]}/../a"])


def test_an_unfinished_run_is_named_with_the_command_that_finishes_it(two_runs, tmp_path):
    (tmp_path / "b/run.json").unlink()
    assert "finish it: python tools/test.py CONFIG --work-dir" in refused(two_runs)


def test_a_moved_annotation_file_can_be_named(two_runs, tmp_path):
    for name in ("a", "b"):
        shutil.rmtree(tmp_path / name / "split")
    assert "--folds-dir" in refused(two_runs)
    (tmp_path / "moved").mkdir()
    (tmp_path / "moved/val.json").write_text(json.dumps(dataset(12)))
    assert len(read_candidates(two_runs, folds_dir=str(tmp_path / "moved"))) == 2


def test_photos_are_where_the_run_read_them():
    loader = {"dataset": {"data_root": "data/recycle", "data_prefix": {"img": "train"}}}
    record = RunRecord("x.py", {"val_dataloader": loader, "test_dataloader": {"dataset": {"data_root": "d"}}}, {})
    assert str(photos_of(record)) == "data/recycle/train"
    assert str(photos_of(record, "test")) == "d"
    assert photos_of(RunRecord("x.py", {"val_dataloader": None}, {})) is None


def test_a_run_beside_folds_is_read_with_the_file_that_it_was_validated_on(tmp_path):
    folder = write_fold_runs(tmp_path / "x", dataset(12), range(6))
    alone = write_run(tmp_path / "alone", dataset(12), tmp_path / "val.json", range(9))
    for name in ("run.json", "predictions"):
        shutil.move(alone / name, folder / name)
    other = write_run(tmp_path / "other", dataset(12), tmp_path / "val.json", range(3))
    sources = [str(folder), str(other)]
    assert [len(entry.parts[0].results) for entry in read_candidates(sources, str(tmp_path / "val.json"))] == [9, 3]
    assert [len(entry.parts) for entry in read_candidates(sources)] == [3, 1]


def test_folds_can_not_be_chosen_of_what_has_none(two_runs):
    assert refused(two_runs, folds=[0]).count("has no folds to choose from") == 2


def test_runs_are_named_by_their_folders_wherever_the_user_is(two_runs, monkeypatch):
    monkeypatch.chdir(two_runs[0])
    assert [entry.name for entry in read_candidates([".", "../b"])] == ["a", "b"]


@pytest.fixture
def pair(tmp_path):
    """Write two runs, the second validated on another file; both find the boxes of the first six images."""

    def make(change):
        content = dataset(12)
        other = copy.deepcopy(content)
        change(other)
        write_run(tmp_path / "a", content, tmp_path / "a/val.json", range(6))
        write_run(tmp_path / "b", other, tmp_path / "b/val.json", [image["id"] for image in other["images"][:6]])
        return read_candidates([str(tmp_path / "a"), str(tmp_path / "b")])

    return make


def renumber(content):
    for image in content["images"]:
        image["id"] += 100
    for category in content["categories"]:
        category["id"] += 7
    for box in content["annotations"]:
        box["image_id"], box["category_id"] = box["image_id"] + 100, box["category_id"] + 7
    content["annotations"].reverse()


def test_ids_and_order_do_not_matter(pair):
    first, second = on_the_same_images(pair(renumber))
    assert second.parts[0].annotations is first.parts[0].annotations
    assert map50_of(second.parts[0].matches) == map50_of(first.parts[0].matches) == 6 / 12


def lose_a_photo(content):
    content["images"].pop()
    content["annotations"].pop()


def add_a_photo(content):
    content["images"].append({**content["images"][0], "id": 99, "file_name": "train/new.jpg"})


def move_a_box(content):
    content["annotations"][3]["bbox"] = [0.0, 0.0, 9.0, 9.0]


def rename_a_class(content):
    content["categories"][4]["name"] = "Window"


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lose_a_photo, "1 photos only in {tmp}/a/val.json, such as train/0011.jpg"),
        (add_a_photo, "1 photos only in {tmp}/b/val.json, such as train/new.jpg"),
        (move_a_box, "the same photos with other boxes on 1 of them: train/0003.jpg"),
        (rename_a_class, "other classes: Glass, Window"),
    ],
)
def test_other_photos_classes_and_boxes_are_refused(pair, tmp_path, change, message):
    with pytest.raises(InputError) as refusal:
        on_the_same_images(pair(change))
    text = str(refusal.value)
    assert f"{tmp_path}/b: was validated on other data than a: {message.format(tmp=tmp_path)}" in text
    assert "don't compare" in text


def test_runs_of_other_folds_are_refused_with_those_that_they_share(tmp_path):
    first = write_fold_runs(tmp_path / "a", dataset(), range(20))
    second = write_fold_runs(tmp_path / "b", dataset(), range(20))
    (second / "fold_1").rename(tmp_path / "lost")
    with pytest.raises(InputError, match=r"has folds 0, 2, a has folds 0, 1, 2\n.*--folds 0 2"):
        on_the_same_images(read_candidates([str(first), str(second)]))
    single = write_run(tmp_path / "c", dataset(6), tmp_path / "c/val.json", range(3))
    with pytest.raises(InputError, match=r"has no folds, a has folds 0, 1, 2\n.*--ann TRAIN.json"):
        on_the_same_images(read_candidates([str(first), str(single)]))


def test_another_fold_is_other_photos(tmp_path):
    folder = write_fold_runs(tmp_path / "a", dataset(), range(20))
    with pytest.raises(InputError, match="10 photos only in"):
        on_the_same_images(read_candidates([str(folder / "fold_0"), str(folder / "fold_1")]))
