"""Facts of photos are those that were drawn into them; problems are named; what is known is not read again."""

import numpy as np
import pytest
from PIL import Image

from sortline.data import image_scan
from sortline.data.image_scan import scan_images


@pytest.fixture(autouse=True)
def _own_cache(monkeypatch, tmp_path):
    monkeypatch.setenv("SORTLINE_CACHE", str(tmp_path / "cache"))


def listed(*names):
    return [{"id": index, "file_name": name} for index, name in enumerate(names)]


def scan(root, *names):
    return scan_images(root, listed(*names), progress=False)


def test_size_colour_and_light_are_measured(tmp_path):
    Image.new("RGB", (60, 40), (200, 100, 0)).save(tmp_path / "plain.png")
    found = scan(tmp_path, "plain.png")
    assert found.problems == [""]
    assert found.sizes_wh.tolist() == [[60, 40]]
    assert found.facts["rgb"][0].tolist() == [200, 100, 0]
    # ITU-R 601: 0.299 R + 0.587 G + 0.114 B
    assert found.facts["brightness"][0] == pytest.approx(0.299 * 200 + 0.587 * 100, abs=1)
    assert found.facts["contrast"][0] == 0
    assert found.facts["sharpness"][0] == 0


def test_sharpness_falls_with_blur(tmp_path):
    stripes = np.zeros((64, 64), dtype=np.uint8)
    stripes[:, ::2] = 255
    Image.fromarray(stripes).save(tmp_path / "sharp.png")
    Image.fromarray(stripes).reduce(2).resize((64, 64)).save(tmp_path / "blurred.png")
    sharpness = scan(tmp_path, "sharp.png", "blurred.png").facts["sharpness"]
    assert sharpness[0] > 100 * sharpness[1]


def test_a_photo_stored_on_its_side_has_the_size_that_loaders_see(tmp_path):
    exif = Image.Exif()
    exif[image_scan.EXIF_ORIENTATION] = 6
    Image.new("RGB", (60, 40)).save(tmp_path / "turned.jpg", exif=exif)
    found = scan(tmp_path, "turned.jpg")
    assert found.sizes_wh.tolist() == [[40, 60]]
    assert found.facts["orientation"].tolist() == [6]


@pytest.mark.parametrize("suffix", ["jpg", "png", "bmp", "gif", "webp", "tiff"])
def test_a_file_that_is_cut_short_is_found_in_any_format(tmp_path, suffix):
    noise = np.random.default_rng(0).integers(0, 255, (64, 64, 3), dtype=np.uint8)
    path = tmp_path / f"photo.{suffix}"
    Image.fromarray(noise).save(path)
    path.write_bytes(path.read_bytes()[:-1500])
    (problem,) = scan(tmp_path, path.name).problems
    assert problem.startswith("can't be read: ")


@pytest.mark.parametrize("content", [b"", b"no photo"])
def test_what_is_not_an_image_is_named(tmp_path, content):
    (tmp_path / "a.jpg").write_bytes(content)
    (tmp_path / "folder.jpg").mkdir()
    problems = scan(tmp_path, "a.jpg", "folder.jpg", "absent.jpg", "nul\0.jpg").problems
    assert problems[0] == ("can't be read: not an image" if content else "can't be read: empty")
    assert problems[1] == "can't be read: Is a directory"
    assert problems[2] == "absent"
    assert problems[3].startswith("can't be read: ")


def test_what_is_known_is_not_read_again_until_it_changes(tmp_path, monkeypatch):
    for name in ("a.png", "b.png"):
        Image.new("RGB", (8, 8)).save(tmp_path / name)
    first = scan(tmp_path, "a.png", "b.png")
    measured = []
    real = image_scan.measure
    monkeypatch.setattr(image_scan, "measure", lambda data: measured.append(len(data)) or real(data))
    again = scan(tmp_path, "b.png", "a.png")
    assert measured == []
    assert again.facts[::-1].tobytes() == first.facts.tobytes()
    Image.new("RGB", (9, 9)).save(tmp_path / "b.png")
    assert scan(tmp_path, "a.png", "b.png").sizes_wh.tolist() == [[8, 8], [9, 9]]
    assert len(measured) == 1


def test_a_damaged_cache_is_only_slower(tmp_path):
    Image.new("RGB", (8, 8)).save(tmp_path / "a.png")
    scan(tmp_path, "a.png")
    (kept,) = tmp_path.glob("cache/image_scans/*.npz")
    kept.write_bytes(b"not a cache")
    assert scan(tmp_path, "a.png").problems == [""]


def test_no_images_give_an_empty_scan(tmp_path):
    found = scan(tmp_path)
    assert len(found.facts) == len(found.problems) == 0
    assert found.sizes_wh.shape == (0, 2)
