"""Photos of one scene pair, whatever was done to the file; others don't."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image, ImageEnhance, ImageFilter

from sortline.data import near_duplicates
from sortline.data.image_scan import scan_images
from sortline.data.near_duplicates import (
    groups_of_pairs,
    hash_distances,
    near_duplicate_pairs,
    same_bytes,
)


@pytest.fixture(autouse=True)
def _own_cache(monkeypatch, tmp_path):
    monkeypatch.setenv("SORTLINE_CACHE", str(tmp_path / "cache"))


def scene(seed):
    """Draw a scene with large and small structures, as photos have."""
    coarse = np.random.default_rng(seed).integers(0, 255, (9, 12, 3), dtype=np.uint8)
    return Image.fromarray(coarse).resize((240, 180), Image.Resampling.BICUBIC).filter(ImageFilter.SHARPEN)


def scanned(root, photos):
    for name, photo in photos.items():
        photo.save(root / name)
    return scan_images(root, [{"file_name": name} for name in photos], progress=False)


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
    assert hash_distances(found, pairs)[0] <= near_duplicates.DEFAULT_THRESHOLD


def test_plain_photos_pair_only_where_the_file_is_the_same(tmp_path):
    white, grey = Image.new("RGB", (40, 40), "white"), Image.new("RGB", (40, 40), "grey")
    found = scanned(tmp_path, {"a.png": white, "b.png": grey, "c.png": white, "d.png": white})
    pairs = near_duplicate_pairs(found)
    assert pairs.tolist() == [[0, 2], [2, 3]]
    assert same_bytes(found, pairs).all()


def test_photos_with_a_problem_are_left_out(tmp_path):
    scanned(tmp_path, {"a.png": scene(0), "b.png": scene(0)})
    images = [{"file_name": name} for name in ("absent.png", "a.png", "absent_too.png", "b.png")]
    assert near_duplicate_pairs(scan_images(tmp_path, images, progress=False)).tolist() == [[1, 3]]


def test_no_photos_give_no_pairs(tmp_path):
    pairs = near_duplicate_pairs(scan_images(tmp_path, [], progress=False))
    assert pairs.shape == (0, 2)
    assert groups_of_pairs(0, pairs).shape == (0,)


@pytest.mark.parametrize("pairs_a_block", [1, 7, 1000])
def test_blocks_find_what_a_loop_finds(monkeypatch, pairs_a_block):
    monkeypatch.setattr(near_duplicates, "PAIRS_A_BLOCK", pairs_a_block)
    hashes = np.random.default_rng(0).integers(0, 16, 20).astype(np.uint64)
    expected = [
        [first, second]
        for first in range(20)
        for second in range(first + 1, 20)
        if (int(hashes[first]) ^ int(hashes[second])).bit_count() <= 1
    ]
    assert sorted(near_duplicates._close_hashes(hashes, 1).tolist()) == expected


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
