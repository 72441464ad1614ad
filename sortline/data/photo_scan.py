"""Photos as a training run loads them, measured, and compared: which ones show the same scene?"""

from __future__ import annotations

import hashlib
import os
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import cv2
import imagehash
import numpy as np
import numpy.typing as npt
from PIL import Image
from scipy.sparse import coo_array
from scipy.sparse.csgraph import connected_components

from sortline.arrays import BoolArray, FloatArray, IntArray
from sortline.data.photos import PhotoError, PhotoView, decode_photo, quiet_opencv, view_of
from sortline.files import atomic_write, cache_folder
from sortline.progress import track

#: Raised whenever a field is added or measured in another way: what was kept before is then measured again.
VERSION = 2
#: Photos are measured at about this many pixels on their shorter side, so that numbers of large and small ones compare.
WORKING_SIDE = 256
THUMBNAIL = 16
#: Bits of 64 in which the hashes of two photos of one scene may differ. Re-encoding, resizing and a change of light
#: stay below it, so do most crops and shifts by a few per cent; photos of different scenes differ in about half.
DEFAULT_THRESHOLD = 10
#: Least correlation of the two thumbnails: the hash alone takes scenes for equal that share a plain background.
LEAST_CORRELATION = 0.8
PAIRS_A_BLOCK = 20_000_000

FACTS = np.dtype(
    [
        ("width", np.int32),
        ("height", np.int32),
        ("orientation", np.uint8),
        ("is_turned", np.bool_),
        ("is_nearly_black", np.bool_),
        ("digest", "S32"),
        ("phash", np.uint64),
        ("thumbnail", np.uint8, (THUMBNAIL, THUMBNAIL)),
        ("brightness", np.float32),
        ("contrast", np.float32),
        ("sharpness", np.float32),
        ("rgb", np.float32, (3,)),
    ]
)
ENTRY = np.dtype([("size", np.int64), ("mtime", np.int64), ("facts", FACTS)])


@dataclass(frozen=True)
class PhotoScan:
    """Facts of ``N`` photos, in the order of the ``images`` they were read for.

    Attributes:
        file_names: As the annotation file lists them.
        problems: ``""`` for a photo that was read to its end, else why not: ``"absent"``,
            ``"can't be read: cut short"`` and so on.
        facts: One record a photo, zeros where there is a problem. ``width``, ``height``, ``orientation``, ``is_turned``
            and ``is_nearly_black`` as in :class:`~sortline.data.photos.PhotoView`; ``digest``, hexadecimal hash of the file's bytes; ``phash``, 64 bits of a perceptual hash (imagehash's
            phash: signs of the lowest cosine coefficients); ``thumbnail``, 16x16 grey values; ``brightness`` and
            ``contrast``, mean and standard deviation of the grey values 0-255; ``sharpness``, the variance of
            their Laplacian at a common size, low where a photo is blurred; ``rgb``, mean colour 0-255.
    """

    file_names: list[str]
    problems: list[str]
    facts: npt.NDArray[Any]

    @property
    def readable(self) -> BoolArray:
        """Mask of the photos without a problem, shape ``(N,)``."""
        return np.array([not problem for problem in self.problems], dtype=bool)

    @property
    def sizes_wh(self) -> IntArray:
        """Width and height in pixels, as loaded, shape ``(N, 2)``; zeros where there is a problem."""
        return np.stack([self.facts["width"], self.facts["height"]], axis=1).astype(np.int64)

    def view(self, row: int) -> PhotoView:
        """Return what a training run makes of the photo of a row; a size of zeros where there is a problem."""
        facts = self.facts[row]
        size_wh = int(facts["width"]), int(facts["height"])
        return PhotoView(size_wh, int(facts["orientation"]), bool(facts["is_turned"]), bool(facts["is_nearly_black"]))


def scan_photos(
    image_root: str | os.PathLike[str], images: Sequence[dict[str, Any]], progress: bool = True
) -> PhotoScan:
    """Read every photo of an annotation file to its end and measure it.

    What was measured is kept in the repository's ``.cache`` or the folder of ``SORTLINE_CACHE``; a photo whose size
    and time of change are the same is not read again.

    Args:
        image_root: Folder that the ``file_name`` entries start from.
        images: The annotation file's ``images``.
        progress: Show how far the reading is.
    """
    root = Path(image_root)
    names = [str(image["file_name"]) for image in images]
    known = _load_cache(root)
    paths = [root / name for name in names]
    with quiet_opencv(), ThreadPoolExecutor(max_workers=len(os.sched_getaffinity(0))) as pool:
        found = pool.map(lambda item: _look_at(item[1], known.get(item[0])), zip(names, paths, strict=True))
        looked = list(track(found, "reading photos", len(names)) if progress else found)
    fresh = {name: entry for name, (_, entry) in zip(names, looked, strict=True) if entry is not None}
    if any(known.get(name) is not entry for name, entry in fresh.items()):
        _keep_cache(root, {**known, **fresh})
    facts = np.zeros(len(names), dtype=FACTS)
    for row, name in enumerate(names):
        if name in fresh:
            facts[row] = fresh[name]["facts"]
    return PhotoScan(names, [problem for problem, _ in looked], facts)


def _look_at(path: Path, known: Any) -> tuple[str, Any]:
    """Return what is wrong with a photo and, if nothing is, its cache entry: the known one while it holds."""
    try:
        status = path.stat()
        if known is not None and (known["size"], known["mtime"]) == (status.st_size, status.st_mtime_ns):
            return "", known
        data = path.read_bytes()
    except FileNotFoundError:
        return "absent", None
    except (OSError, ValueError) as error:
        return f"can't be read: {getattr(error, 'strerror', None) or error}", None
    try:
        facts = measure(data)
    except PhotoError as error:
        return f"can't be read: {error}", None
    return "", np.array((status.st_size, status.st_mtime_ns, facts), dtype=ENTRY)


def measure(data: bytes) -> npt.NDArray[Any]:
    """Load a photo's bytes and return its record of type :data:`FACTS`.

    Raises:
        PhotoError: A training run can't load it.
    """
    pixels = decode_photo(data)
    view = view_of(data, pixels)
    small = Image.fromarray(pixels).reduce(max(1, min(view.size_wh) // WORKING_SIDE))
    grey = small.convert("L")
    values = np.asarray(grey)
    mean, deviation = cv2.meanStdDev(values)
    bits = imagehash.phash(grey).hash
    return np.array(
        (
            *view.size_wh,
            view.orientation,
            view.is_turned,
            view.is_nearly_black,
            hashlib.blake2b(data, digest_size=16).hexdigest().encode(),
            np.packbits(bits).view(">u8")[0],
            np.asarray(grey.resize((THUMBNAIL, THUMBNAIL), Image.Resampling.BOX)),
            mean[0, 0],
            deviation[0, 0],
            cv2.Laplacian(values, cv2.CV_32F).var(),
            np.ravel(cv2.mean(np.asarray(small)))[:3],
        ),
        dtype=FACTS,
    )


def _cache_path(root: Path) -> Path:
    key = hashlib.sha256(str(root.resolve()).encode()).hexdigest()[:16]
    return cache_folder() / "image_scans" / f"{key}-v{VERSION}.npz"


def _load_cache(root: Path) -> dict[str, Any]:
    """Return the kept entries of a folder by file name; none if they can't be read."""
    try:
        with np.load(_cache_path(root)) as kept:
            return dict(zip(kept["names"].tolist(), kept["entries"].astype(ENTRY), strict=True))
    except Exception:  # a cache of any other form, or none: everything is measured again
        return {}


def _keep_cache(root: Path, entries: dict[str, Any]) -> None:
    """Keep the entries; where nothing can be written, the next run measures again."""
    try:
        with atomic_write(_cache_path(root), "wb") as file:
            np.savez(file, names=np.array(list(entries)), entries=np.array(list(entries.values()), dtype=ENTRY))
    except OSError:
        return


def near_duplicate_pairs(scan: PhotoScan, threshold: int = DEFAULT_THRESHOLD) -> IntArray:
    """Find pairs of photos that show the same scene; byte-equal files are among them.

    A pair's perceptual hashes differ in at most ``threshold`` bits and its thumbnails correlate. Photos of one
    plain colour have nothing to compare and pair only with byte-equal files.

    Args:
        scan: Facts of ``N`` photos; those with a problem are left out.
        threshold: Bits of 64, 0 for equal hashes.

    Returns:
        Rows of the scan, shape ``(M, 2)``, the smaller first, in ascending order.
    """
    rows = np.flatnonzero(scan.readable)
    digests = scan.facts["digest"][rows]
    near = _close_hashes(scan.facts["phash"][rows], threshold)
    near = near[_alike(scan.facts["thumbnail"][rows], near)]
    pairs = np.concatenate([near, _equal_neighbours(digests)])
    found: IntArray = rows[np.unique(pairs, axis=0)]
    return found


def hash_distances(scan: PhotoScan, pairs: IntArray) -> IntArray:
    """Count the bits in which the hashes of each pair differ, shape ``(M,)``."""
    hashes = scan.facts["phash"]
    bits: IntArray = np.bitwise_count(hashes[pairs[:, 0]] ^ hashes[pairs[:, 1]]).astype(np.int64)
    return bits


def same_bytes(scan: PhotoScan, pairs: IntArray) -> BoolArray:
    """Tell which pairs are copies of one file, shape ``(M,)``."""
    digests = scan.facts["digest"]
    equal: BoolArray = digests[pairs[:, 0]] == digests[pairs[:, 1]]
    return equal


def groups_of_pairs(count: int, pairs: IntArray) -> IntArray:
    """Number the groups that pairs join, directly or through others.

    >>> groups_of_pairs(5, np.array([[0, 3], [3, 4]])).tolist()
    [0, 1, 2, 0, 0]

    Args:
        count: Number of items.
        pairs: Rows of two items, shape ``(M, 2)``.

    Returns:
        Group of each item, shape ``(count,)``, numbered from 0 in order of first appearance.
    """
    graph = coo_array((np.ones(len(pairs), dtype=bool), (pairs[:, 0], pairs[:, 1])), shape=(count, count))
    _, labels = connected_components(graph, directed=False)
    _, first, inverse = np.unique(labels, return_index=True, return_inverse=True)
    numbers: IntArray = np.argsort(np.argsort(first))[inverse].astype(np.int64)
    return numbers


def _close_hashes(hashes: npt.NDArray[np.uint64], threshold: int) -> IntArray:
    """Compare all pairs, some rows at a time so that memory stays bounded; shape ``(M, 2)``."""
    step = max(1, PAIRS_A_BLOCK // max(len(hashes), 1))
    found = [
        np.argwhere(np.triu(np.bitwise_count(hashes[start : start + step, None] ^ hashes[start:]) <= threshold, k=1))
        + start
        for start in range(0, len(hashes), step)
    ]
    return np.concatenate([np.zeros((0, 2), dtype=np.int64), *found])


def _alike(thumbnails: npt.NDArray[np.uint8], pairs: IntArray) -> BoolArray:
    """Tell which pairs' thumbnails correlate, shape ``(M,)``."""
    step = max(1, PAIRS_A_BLOCK // THUMBNAIL**2)
    values = thumbnails.reshape(len(thumbnails), THUMBNAIL**2).astype(np.float32)
    values -= values.mean(axis=1, keepdims=True)
    lengths: FloatArray = np.linalg.norm(values, axis=1, keepdims=True)
    values /= np.maximum(lengths, 1e-6)
    alike = [
        np.einsum("mp,mp->m", values[part[:, 0]], values[part[:, 1]]) >= LEAST_CORRELATION
        for part in (pairs[start : start + step] for start in range(0, len(pairs), step))
    ]
    return np.concatenate([*alike, np.zeros(0, dtype=bool)])


def _equal_neighbours(digests: npt.NDArray[np.bytes_]) -> IntArray:
    """Pair each file with the one before it that has the same bytes, shape ``(M, 2)``."""
    order = np.argsort(digests, kind="stable")
    equal = digests[order[1:]] == digests[order[:-1]]
    return np.stack([order[:-1][equal], order[1:][equal]], axis=1).reshape(-1, 2)
