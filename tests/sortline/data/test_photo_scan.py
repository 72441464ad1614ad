"""Facts of photos are those that were drawn into them; problems are named; photos of one scene pair, others don't."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image, ImageEnhance, ImageFilter

from sortline.data import photo_scan
from sortline.data.photo_scan import groups_of_pairs, hash_distances, near_duplicate_pairs, same_bytes, scan_photos
from sortline.data.photos import EXIF_ORIENTATION


@pytest.fixture(autouse=True)
def _own_cache(monkeypatch, tmp_path):
    monkeypatch.setenv("SORTLINE_CACHE", str(tmp_path / "cache"))


def listed(*names):
    return [{"id": index, "file_name": name} for index, name in enumerate(names)]


def scan(root, *names):
    return scan_photos(root, listed(*names), progress=False)


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
    exif[EXIF_ORIENTATION] = 6
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
    real = photo_scan.measure
    monkeypatch.setattr(photo_scan, "measure", lambda data: measured.append(len(data)) or real(data))
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


def scene(seed):
    """Draw a scene with large and small structures, as photos have."""
    coarse = np.random.default_rng(seed).integers(0, 255, (9, 12, 3), dtype=np.uint8)
    return Image.fromarray(coarse).resize((240, 180), Image.Resampling.BICUBIC).filter(ImageFilter.SHARPEN)


def scanned(root, photos):
    for name, photo in photos.items():
        photo.save(root / name)
    return scan_photos(root, [{"file_name": name} for name in photos], progress=False)


CHANGES = {
    "re-encoded": lambda photo: photo,
    "smaller": lambda photo: photo.resize((120, 90)),
    "brighter": lambda photo: ImageEnhance.Brightness(photo).enhance(1.2),
    "cropped by 1%": lambda photo: photo.crop((2, 2, 238, 178)),
}


@pytest.mark.parametrize("change", CHANGES)
def test_a_changed_copy_pairs_with_its_original_alone(tmp_path, change):
    photos = {f"{seed}.png": scene(seed) for seed in range(6)}
    photos["copy.jpg"] = CHANGES[change](scene(3))
    found = scanned(tmp_path, photos)
    pairs = near_duplicate_pairs(found)
    assert pairs.tolist() == [[3, 6]]
    assert not same_bytes(found, pairs).any()
    assert hash_distances(found, pairs)[0] <= photo_scan.DEFAULT_THRESHOLD


def test_plain_photos_pair_only_where_the_file_is_the_same(tmp_path):
    white, grey = Image.new("RGB", (40, 40), "white"), Image.new("RGB", (40, 40), "grey")
    found = scanned(tmp_path, {"a.png": white, "b.png": grey, "c.png": white, "d.png": white})
    pairs = near_duplicate_pairs(found)
    assert pairs.tolist() == [[0, 2], [2, 3]]
    assert same_bytes(found, pairs).all()


def test_photos_with_a_problem_are_left_out(tmp_path):
    scanned(tmp_path, {"a.png": scene(0), "b.png": scene(0)})
    images = [{"file_name": name} for name in ("absent.png", "a.png", "absent_too.png", "b.png")]
    assert near_duplicate_pairs(scan_photos(tmp_path, images, progress=False)).tolist() == [[1, 3]]


def test_no_photos_give_no_pairs(tmp_path):
    pairs = near_duplicate_pairs(scan_photos(tmp_path, [], progress=False))
    assert pairs.shape == (0, 2)
    assert groups_of_pairs(0, pairs).shape == (0,)


@pytest.mark.parametrize("pairs_a_block", [1, 7, 1000])
def test_blocks_find_what_a_loop_finds(monkeypatch, pairs_a_block):
    monkeypatch.setattr(photo_scan, "PAIRS_A_BLOCK", pairs_a_block)
    hashes = np.random.default_rng(0).integers(0, 16, 20).astype(np.uint64)
    expected = [
        [first, second]
        for first in range(20)
        for second in range(first + 1, 20)
        if (int(hashes[first]) ^ int(hashes[second])).bit_count() <= 1
    ]
    assert sorted(photo_scan._close_hashes(hashes, 1).tolist()) == expected


@given(st.lists(st.tuples(st.integers(0, 9), st.integers(0, 9)), max_size=12))
def test_groups_are_what_pairs_connect(edges):
    groups = groups_of_pairs(10, np.array(edges, dtype=np.int64).reshape(-1, 2))
    reached = {node: {node} for node in range(10)}
    for _ in range(10):
        for first, second in edges:
            joined = reached[first] | reached[second]
            for node in joined:
                reached[node] = joined
    for first in range(10):
        for second in range(10):
            assert (groups[first] == groups[second]) == (second in reached[first])
    assert list(dict.fromkeys(groups.tolist())) == sorted(set(groups.tolist()))
