import copy
import shutil

import numpy as np
import pytest
from helpers import coco
from PIL import Image

from sortline.data.annotations import read_annotations
from sortline.data.check.checking import check_sources
from sortline.data.check.photo_checks import read_photos
from sortline.data.check.repair import repair, write_repaired
from sortline.data.check.source import source_of
from sortline.errors import InputError

OF_PHOTOS = ("photo", "box-outside")


@pytest.fixture(autouse=True)
def _no_cache_of_scans(tmp_path, monkeypatch):
    monkeypatch.setenv("SORTLINE_CACHE", str(tmp_path / "cache"))


@pytest.fixture
def look(make_dataset):
    """Read the photos of a small dataset after a change to them, and return the source with its findings."""
    root = make_dataset()

    def read(data=None, **changed):
        for name, make in changed.items():
            make(root / "train" / f"{name.removeprefix('p')}.jpg")
        sources = [
            source_of(coco() if data is None else data, "train.json", root),
            source_of(coco("test", 3, boxes=False), "test.json", root, is_test=True),
        ]
        for source in sources:
            read_photos(source, progress=False)
        report = check_sources(sources, 10)
        return sources[0], [finding for finding in report.findings if finding.kind.startswith(OF_PHOTOS)]

    return read


def noise(size, seed=5):
    return Image.fromarray(np.random.default_rng(seed).integers(0, 255, (size[1], size[0], 3), dtype=np.uint8))


def turned(path):
    exif = Image.Exif()
    exif[0x0112] = 3
    noise((64, 48)).save(path, exif=exif)


def copy_of_first(path):
    shutil.copy(path.parent / "0000.jpg", path)


def nearly_first(path):
    Image.open(path.parent / "0000.jpg").save(path, quality=60)


def test_sound_photos_give_nothing(look):
    assert look()[1] == []


@pytest.mark.parametrize(
    ("make", "kind", "place"),
    [
        (lambda path: path.unlink(), "photo-absent", "train/0002.jpg"),
        (lambda path: path.write_bytes(b""), "photo-unreadable", "train/0002.jpg: empty"),
        (lambda path: path.write_bytes(path.read_bytes()[:-300]), "photo-unreadable", "train/0002.jpg"),
        (lambda path: noise((32, 24)).save(path), "photo-size", "train/0002.jpg: 32x24, listed as 64x48"),
        (turned, "photo-turned", "train/0002.jpg: EXIF orientation 3"),
        (copy_of_first, "photo-copies", "train/0000.jpg: and train/0002.jpg"),
        (nearly_first, "photo-near-copies", "train/0000.jpg: and train/0002.jpg"),
        (lambda path: shutil.copy(path, path.parents[1] / "test/0001.jpg"), "photo-copies-across", "test/0001.jpg"),
    ],
)
def test_a_bad_photo_is_named(look, make, kind, place):
    _, (finding,) = look(p0002=make)
    assert finding.kind == kind
    assert len(finding.places) == 1
    assert place in str(finding.places[0])


def test_photos_elsewhere_are_one_finding_that_no_repair_answers(tmp_path):
    source = source_of(coco(), "train.json", tmp_path)
    read_photos(source, progress=False)
    report = check_sources([source], 10)
    assert report.findings[0].kind == "photos-absent"
    with pytest.raises(InputError, match="none of the photos"):
        repair(source, report.findings)


def test_images_without_a_photo_go_with_their_boxes(look, tmp_path):
    source, findings = look(p0002=lambda path: path.unlink(), p0004=lambda path: path.write_bytes(b"text"))
    repaired = repair(source, findings)
    write_repaired(repaired, tmp_path / "fixed.json")
    content = read_annotations(tmp_path / "fixed.json")
    assert [image["id"] for image in content["images"]] == [0, 1, 3, 5]
    assert [row["image_id"] for row in content["annotations"]] == [0, 1, 3, 5]
    assert repaired.source.photos is not None
    assert repaired.source.photos.scan.file_names == [image["file_name"] for image in content["images"]]


def listed_as(width, height, bbox):
    data = copy.deepcopy(coco())
    data["images"][2].update(width=width, height=height)
    data["annotations"][2].update(bbox=bbox, area=bbox[2] * bbox[3])
    return data


def test_a_size_that_only_the_photo_explains_is_set(look):
    source, findings = look(listed_as(48, 64, [30, 5, 30, 20]))  # reaches to 60 in a photo 64 wide
    image = repair(source, findings).source.data["images"][2]
    assert (image["width"], image["height"]) == (64, 48)


def test_a_size_that_the_boxes_leave_open_is_left_and_reported(look):
    source, findings = look(listed_as(48, 64, [5, 5, 30, 20]))
    repaired = repair(source, findings)
    assert repaired.changes == []
    assert "photo-size" in [finding.kind for finding in check_sources([repaired.source], 10).findings]


def test_boxes_of_an_image_whose_size_is_in_question_are_not_clipped(look):
    source, findings = look(listed_as(32, 24, [50, 30, 30, 20]))  # fits neither 64x48 nor 32x24
    with pytest.raises(InputError, match="outside the image"):
        repair(source, findings)


def test_a_missing_size_is_read_from_the_photo(look):
    data = coco()
    del data["images"][2]["width"], data["images"][2]["height"]
    source, findings = look(data)
    image = repair(source, findings).source.data["images"][2]
    assert (image["width"], image["height"]) == (64, 48)
