"""Photos are known by name and size: a change of either shows, their order does not."""

import json

import pytest
from helpers import coco

from sortline.runs.provenance.photos import describe_photos, fingerprint


@pytest.fixture
def folder(tmp_path):
    for name, size in (("a.jpg", 3), ("b.jpg", 5)):
        (tmp_path / name).write_bytes(b"x" * size)
    return tmp_path


def test_photos_are_counted_and_their_order_does_not_matter(folder):
    found = fingerprint(folder, ["a.jpg", "b.jpg"])
    assert (found.count, found.bytes) == (2, 3 + 5)
    assert fingerprint(folder, iter(["b.jpg", "a.jpg"])) == found


@pytest.mark.parametrize("names", [["a.jpg"], ["a.jpg", "c.jpg"], ["a.jpg", "b.jpg", "b.jpg"]])
def test_other_photos_have_another_fingerprint(folder, names):
    assert fingerprint(folder, names).sha256 != fingerprint(folder, ["a.jpg", "b.jpg"]).sha256


def test_a_photo_of_another_size_shows(folder):
    before = fingerprint(folder, ["a.jpg", "b.jpg"])
    (folder / "a.jpg").write_bytes(b"x" * 4)
    assert fingerprint(folder, ["a.jpg", "b.jpg"]).sha256 != before.sha256


def test_an_annotation_file_names_its_photos(tmp_path):
    (tmp_path / "train.json").write_text(json.dumps(coco(images=2)))
    found = describe_photos(tmp_path / "train.json", tmp_path)
    assert found == fingerprint(tmp_path, ["train/0000.jpg", "train/0001.jpg"])
    assert (found.count, found.bytes) == (2, 0)  # neither is there
