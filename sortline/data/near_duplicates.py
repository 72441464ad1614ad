"""Pairs and groups of photos that show the same scene, found by perceptual hash."""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np
import numpy.typing as npt
from scipy.sparse import coo_array
from scipy.sparse.csgraph import connected_components

from sortline.arrays import BoolArray, FloatArray, IntArray
from sortline.data.image_scan import THUMBNAIL, ImageScan

#: Bits of 64 in which the hashes of two photos of one scene may differ. Re-encoding, resizing and a change of light
#: stay below it, so do most crops and shifts by a few per cent; photos of different scenes differ in about half.
DEFAULT_THRESHOLD = 10
#: Least correlation of the two thumbnails: the hash alone takes scenes for equal that share a plain background.
LEAST_CORRELATION = 0.8
PAIRS_A_BLOCK = 20_000_000


def near_duplicate_pairs(scan: ImageScan, threshold: int = DEFAULT_THRESHOLD) -> IntArray:
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


def hash_distances(scan: ImageScan, pairs: IntArray) -> IntArray:
    """Count the bits in which the hashes of each pair differ, shape ``(M,)``."""
    hashes = scan.facts["phash"]
    bits: IntArray = np.bitwise_count(hashes[pairs[:, 0]] ^ hashes[pairs[:, 1]]).astype(np.int64)
    return bits


def same_bytes(scan: ImageScan, pairs: IntArray) -> BoolArray:
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
    return _joined(
        np.argwhere(np.triu(np.bitwise_count(hashes[start : start + step, None] ^ hashes[start:]) <= threshold, k=1))
        + start
        for start in range(0, len(hashes), step)
    )


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


def _joined(parts: Iterable[npt.NDArray[np.int64]]) -> IntArray:
    return np.concatenate([np.zeros((0, 2), dtype=np.int64), *parts])
