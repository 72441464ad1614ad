import copy
import io
import shutil

import numpy as np
import pytest
from helpers import ROOT, coco
from PIL import Image

from sortline.data.annotations import read_annotations
from sortline.data.check.checking import check_sources
from sortline.data.check.photo_checks import check_images, read_photos
from sortline.data.check.repair import repair, write_repaired
from sortline.data.check.source import source_of
from sortline.data.photos import EXIF_ORIENTATION
from sortline.errors import InputError

REAL_DATA = ROOT.parent / "shared" / "data"
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


def with_orientation(path, form, value):
    exif = Image.Exif()
    exif[EXIF_ORIENTATION] = value
    noise((64, 48)).save(path, form, exif=exif)


def turned(path):
    with_orientation(path, "JPEG", 3)


def on_its_side(path):
    with_orientation(path, "PNG", 6)


def webp_on_its_side(path):
    """OpenCV turns no WebP: the listed 64x48 is what a training run loads."""
    with_orientation(path, "WEBP", 6)


def twelve_bits(path):
    """A 12-bit picture stored in 16 bits, of which training keeps the upper 8: 0 to 15 of 255."""
    values = np.random.default_rng(0).integers(0, 2**12, (48, 64), dtype=np.uint16)
    Image.fromarray(values).save(path, "PNG")


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
        (lambda path: noise((64, 48)).save(path, "TGA"), "photo-unreadable", "TGA of mode RGB, which OpenCV can't load"),
        (twelve_bits, "photo-nearly-black", "train/0002.jpg: mean brightness 8 of 255"),
        (lambda path: noise((32, 24)).save(path), "photo-size", "train/0002.jpg: 32x24, listed as 64x48"),
        (on_its_side, "photo-size", "48x64, listed as 64x48, stored on its side with EXIF orientation 6"),
        (webp_on_its_side, "photo-turned", "train/0002.jpg: EXIF orientation 6"),
        (turned, "photo-turned", "train/0002.jpg: EXIF orientation 3"),
        (copy_of_first, "photo-copies", "train/0000.jpg: and train/0002.jpg"),
        (nearly_first, "photo-near-copies", "train/0000.jpg: and train/0002.jpg"),
        (lambda path: shutil.copy(path, path.parents[1] / "test/0001.jpg"), "photo-copies-across", "test/0001.jpg"),
    ],
)
def test_a_photo_that_the_check_finds_bad_is_named(look, make, kind, place):
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


def test_absent_photos_are_named_as_they_are_on_disk(look):
    source, (finding,) = look(p0002=lambda path: path.rename(path.with_suffix(".JPG")))
    assert str(finding.places[0]) == "train/0002.jpg: there as train/0002.JPG"
    repaired = repair(source, [finding])
    assert [(change.key, change.after) for change in repaired.changes] == [("file_name", '"train/0002.JPG"')]
    left = check_sources([repaired.source], 10).findings
    assert [finding.kind for finding in left if finding.kind.startswith("photo")] == []


def test_names_that_are_all_of_another_form_are_mended_together(look):
    data = coco()
    for image in data["images"]:
        image["file_name"] = image["file_name"].replace("/", "\\")
    source, findings = look(data)
    assert [finding.kind for finding in findings] == ["photo-absent"]
    names = [image["file_name"] for image in repair(source, findings).source.data["images"]]
    assert names == [image["file_name"] for image in coco()["images"]]


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


def jpeg(size=(64, 48), orientation=None, thumbnail=None):
    """A JPEG file's bytes; optionally with an EXIF orientation and a whole JPEG before its own picture."""
    pixels = np.random.default_rng(0).integers(0, 255, (size[1], size[0], 3), dtype=np.uint8)
    exif = Image.Exif()
    if orientation:
        exif[0x0112] = orientation
    file = io.BytesIO()
    Image.fromarray(pixels).save(file, "JPEG", exif=exif)
    content = file.getvalue()
    if thumbnail is None:
        return content
    # An application segment: marker, length including itself, content.
    segment = b"\xff\xef" + (2 + len(thumbnail)).to_bytes(2, "big") + thumbnail
    return content[:2] + segment + content[2:]


def png(size=(64, 48)):
    return photo("PNG", size)


def photo(form, size=(64, 48), orientation=1):
    """A black photo's bytes in a format."""
    file, exif = io.BytesIO(), Image.Exif()
    exif[EXIF_ORIENTATION] = orientation
    Image.new("RGB", size).save(file, form, exif=exif)
    return file.getvalue()


def deep(brightest):
    """A PNG of 16 bits a sample, its values from 0 to ``brightest``."""
    file = io.BytesIO()
    Image.fromarray(np.linspace(0, brightest, 64 * 48).astype(np.uint16).reshape(48, 64)).save(file, "PNG")
    return file.getvalue()


@pytest.fixture
def check_photos(tmp_path):
    """Write photos by name, the files of a sound annotation file by default, and check them."""

    def check(replaced, images=3):
        for index in range(images):
            name = f"train/{index:04}.jpg"
            content = replaced.get(name, jpeg())
            path = tmp_path / name
            path.parent.mkdir(exist_ok=True)
            if content is not None:
                path.write_bytes(content)
        return check_images(coco(images=images), tmp_path, "train.json")

    return check


def test_sound_photos_pass(check_photos):
    assert check_photos({}) == []


@pytest.mark.parametrize(
    "content",
    [
        pytest.param(jpeg() + b"\0" * 64, id="bytes behind the end"),
        pytest.param(jpeg(thumbnail=jpeg((8, 8))), id="JPEG within JPEG"),
        pytest.param(jpeg(orientation=3), id="turned by half"),
        pytest.param(jpeg((48, 64), orientation=6), id="turned upright by EXIF"),
        pytest.param(png(), id="PNG"),
        pytest.param(photo("BMP"), id="BMP"),
        pytest.param(photo("GIF"), id="GIF"),
        pytest.param(png() + b"\0" * 64, id="PNG with bytes behind the end"),
        pytest.param(photo("PNG", (48, 64), 6), id="PNG turned upright by EXIF"),
        pytest.param(photo("TIFF", (48, 64), 6), id="TIFF turned upright by EXIF"),
        pytest.param(photo("WEBP", (64, 48), 6), id="WebP, which EXIF does not turn"),
        pytest.param(deep(2**16 - 1), id="16 bits"),
    ],
)
def test_unusual_but_sound_photos_pass(check_photos, content):
    assert check_photos({"train/0001.jpg": content}) == []


@pytest.mark.parametrize(
    ("content", "expected"),
    [
        pytest.param(None, "1 of 3 images listed but absent: train/0001.jpg", id="absent"),
        pytest.param(b"", "that can't be read: train/0001.jpg (empty)", id="empty"),
        pytest.param(b"no image at all", "can't be read: train/0001.jpg (not an image)", id="text"),
        pytest.param(jpeg()[:30], "can't be read: train/0001.jpg", id="header cut"),
        pytest.param(jpeg()[:-100], "can't be read: train/0001.jpg (cut short)", id="data cut"),
        pytest.param(
            jpeg(thumbnail=jpeg((8, 8)))[:-100], "train/0001.jpg (cut short)", id="data cut, JPEG within JPEG"
        ),
        pytest.param(png()[:-20], "train/0001.jpg (cut short)", id="PNG cut"),
        pytest.param(photo("BMP")[:-20], "can't be read: train/0001.jpg", id="BMP cut"),
        pytest.param(photo("GIF")[:-20], "can't be read: train/0001.jpg", id="GIF cut"),
        pytest.param(jpeg((32, 48)), "train/0001.jpg (32x48, listed as 64x48)", id="size"),
        pytest.param(jpeg(orientation=6), "(48x64, listed as 64x48, stored on its side", id="EXIF"),
        pytest.param(photo("PNG", orientation=6), "(48x64, listed as 64x48, stored on its side", id="EXIF of a PNG"),
        pytest.param(photo("WEBP", (48, 64), 6), "48x64, listed as 64x48, not turned by its EXIF", id="EXIF of a WebP"),
        pytest.param(photo("TGA"), "(TGA of mode RGB, which OpenCV can't load", id="TGA"),
        pytest.param(deep(2**12 - 1), "1 of 3 images nearly black after conversion to the 8 bits", id="12 of 16 bits"),
    ],
)
def test_a_bad_photo_is_named(check_photos, content, expected):
    (problem,) = check_photos({"train/0001.jpg": content})
    assert expected in problem.what
    assert problem.where == "train.json"


def test_every_kind_is_reported_and_the_others_counted(check_photos):
    bad = {f"train/{index:04}.jpg": None for index in range(5)} | {"train/0005.jpg": b""}
    absent, unreadable = check_photos(bad, images=8)
    assert absent.what.endswith("train/0000.jpg, train/0001.jpg, train/0002.jpg and 2 more")
    assert "train/0005.jpg (empty)" in unreadable.what


def test_a_missing_folder_is_one_problem(tmp_path):
    (problem,) = check_images(coco(), tmp_path / "nowhere", "train.json")
    assert "the image folder" in problem.what
    assert "'nowhere' in it does not" in problem.remedy


def test_a_folder_given_once_too_often_is_recognised(tmp_path, check_photos):
    check_photos({})
    (problem,) = check_images(coco(images=3), tmp_path / "train", "train.json")
    assert problem.remedy == f"file_name already begins with 'train': set the image folder to {str(tmp_path)!r}"


def test_real_photos_pass():
    root = REAL_DATA / "taco-recycle"
    if not root.is_dir():
        pytest.skip("needs the shared data set taco-recycle")
    assert check_images(read_annotations(root / "train.json"), root, "train.json") == []
