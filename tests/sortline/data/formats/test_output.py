import os

import pytest

from sortline.data.formats.base import Plan
from sortline.data.formats.output import check_plan, write_plan
from sortline.errors import InputError


@pytest.fixture
def photo(tmp_path):
    path = tmp_path / "source" / "a.jpg"
    path.parent.mkdir()
    path.write_bytes(b"photo")
    return path


def make(tmp_path, photo, texts=None):
    plan = Plan(tmp_path / "out", shared={"classes.txt"})
    for place, text in (texts or {"train.csv": "rows", "classes.txt": "cat\n"}).items():
        plan.add_text(place, text)
    plan.add_photos({"train/a.jpg": photo})
    return plan


def files(folder):
    return sorted(path.relative_to(folder).as_posix() for path in folder.rglob("*") if path.is_file())


@pytest.mark.parametrize("images", ["copy", "link", "none"])
def test_everything_is_written_and_nothing_else(tmp_path, photo, images):
    plan = make(tmp_path, photo)
    check_plan(plan, images, [], overwrite=False)
    write_plan(plan, images)
    photos = [] if images == "none" else ["train/a.jpg"]
    assert files(plan.root) == sorted(["classes.txt", "train.csv", *photos])
    assert (plan.root / "train" / "a.jpg").is_symlink() == (images == "link")
    assert sorted(os.listdir(tmp_path)) == ["out", "source"]
    assert os.stat(plan.root).st_mode & 0o777 == os.stat(photo.parent).st_mode & 0o777


def test_a_failure_leaves_nothing(tmp_path, photo):
    plan = make(tmp_path, photo, {"train.csv": "rows", "bad.txt": "\ud800"})
    with pytest.raises(UnicodeEncodeError):
        write_plan(plan, "copy")
    assert sorted(os.listdir(tmp_path)) == ["source"]


def test_existing_files_are_replaced_only_on_request(tmp_path, photo):
    plan = make(tmp_path, photo)
    write_plan(plan, "copy")
    with pytest.raises(InputError) as error:
        check_plan(plan, "copy", [], overwrite=False)
    assert {problem.where for problem in error.value.problems} == {
        str(plan.root / "train.csv"),
        str(plan.root / "train" / "a.jpg"),
    }
    check_plan(plan, "copy", [], overwrite=True)
    plan.texts["train.csv"] = "new rows"
    write_plan(plan, "copy")
    assert (plan.root / "train.csv").read_text() == "new rows"
    assert sorted(os.listdir(plan.root)) == ["classes.txt", "train", "train.csv"]


@pytest.mark.parametrize("overwrite", [False, True])
def test_the_source_is_never_replaced(tmp_path, photo, overwrite):
    plan = make(tmp_path, photo, {"a.jpg": "text over photo", "ann.csv": "over annotations"})
    plan.root = photo.parent
    annotations = photo.parent / "ann.csv"
    annotations.write_text("source")
    with pytest.raises(InputError) as error:
        check_plan(plan, "none", [annotations], overwrite)
    assert str(error.value).count("a file of the source would be replaced") == 2


def test_a_link_to_the_source_is_replaced_not_followed(tmp_path, photo):
    plan = make(tmp_path, photo)
    write_plan(plan, "link")
    check_plan(plan, "copy", [], overwrite=True)
    write_plan(plan, "copy")
    assert not (plan.root / "train" / "a.jpg").is_symlink()
    assert photo.read_bytes() == b"photo"


def test_missing_photos_are_counted(tmp_path, photo):
    plan = make(tmp_path, photo)
    plan.add_photos({"b.jpg": tmp_path / "b.jpg"})
    check_plan(plan, "none", [], overwrite=False)
    with pytest.raises(InputError, match=r"b.jpg: 1 of 2 photos are missing"):
        check_plan(plan, "copy", [], overwrite=False)


@pytest.mark.parametrize("place", ["../a.txt", "/tmp/a.txt", "x/../../a.txt"])
def test_no_place_leads_out_of_the_folder(tmp_path, photo, place):
    with pytest.raises(InputError, match="leads out of the folder"):
        check_plan(make(tmp_path, photo, {place: ""}), "none", [], overwrite=True)


def test_no_place_is_taken_twice(tmp_path, photo):
    plan = make(tmp_path, photo)
    plan.add_text("train.csv", "again")
    plan.add_photos({"train/a.jpg": tmp_path / "other.jpg", "train//a.jpg": photo})
    with pytest.raises(InputError) as error:
        check_plan(plan, "copy", [], overwrite=True)
    assert str(error.value).count("two files for one place") == 2
    assert "two names for one place" in str(error.value)


def test_a_file_in_the_folders_way_is_refused(tmp_path, photo):
    (tmp_path / "out").write_text("")
    with pytest.raises(InputError, match="is a file where a folder is needed"):
        check_plan(make(tmp_path, photo), "none", [], overwrite=True)
