"""Checks of photos: there, readable, upright, of the listed size, and shown once."""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from functools import partial

import numpy as np

from sortline.data.annotations import ORIENTATIONS_ON_THE_SIDE
from sortline.data.check.findings import Finding, Place, Places
from sortline.data.check.source import Photos, Source
from sortline.arrays import BoolArray, IntArray
from sortline.data.image_scan import ImageScan, scan_images
from sortline.data.near_duplicates import (
    DEFAULT_THRESHOLD,
    groups_of_pairs,
    hash_distances,
    near_duplicate_pairs,
    same_bytes,
)
from sortline.files import missing_part


def read_photos(source: Source, progress: bool = True) -> None:
    """Read the photos of all images that have a usable name, once, and keep what was found in the source."""
    names = source.table.images.names
    rows = np.array([row for row, name in enumerate(names) if name], dtype=np.int64)
    if source.image_root.is_dir():
        scan = scan_images(source.image_root, [{"file_name": names[row]} for row in rows.tolist()], progress)
        source.photos = Photos(rows, scan)


def check_photos(source: Source) -> Iterator[Finding]:
    """Find photos that are absent, unreadable, turned by EXIF or of another size than the file says."""
    if source.photos is None:
        yield _all_absent(source, missing_part(source.image_root))
        return
    scan, rows = source.photos.scan, source.photos.rows
    absent = np.array([problem == "absent" for problem in scan.problems], dtype=bool)
    if len(rows) and absent.all():
        yield _all_absent(source, "set the folder that the file_name entries start from with --image-root")
        return
    found = partial(_of_photos, source)
    yield from found("photo-absent", absent, "listed but absent", "copy them, or remove them from the file")
    details = [problem.removeprefix("can't be read: ") for problem in scan.problems]
    remedy = "copy them again, or remove them from the file"
    yield from found("photo-unreadable", ~scan.readable & ~absent, "that can't be read", remedy, details)
    yield from _sizes_and_turns(source, source.photos)


def _all_absent(source: Source, remedy: str) -> Finding:
    detail = Place(detail=f"the image folder {str(source.image_root)!r}")
    return Finding("photos-absent", source.path, "none of the photos is where the file says", [detail], remedy)


def _sizes_and_turns(source: Source, photos: Photos) -> Iterator[Finding]:
    scan, turned = photos.scan, photos.scan.facts["orientation"] > 1
    listed_wh = source.table.images.sizes_wh[photos.rows]
    differs = photo_size_differs(source, photos)
    details = [
        f"{width}x{height}, listed as {listed[0]}x{listed[1]}{_turn(int(orientation))}"
        for (width, height), listed, orientation in zip(
            scan.sizes_wh.tolist(), listed_wh.tolist(), scan.facts["orientation"], strict=True
        )
    ]
    what = "of another size than the file says"
    remedy = "boxes would be in the wrong place: use the photos that were annotated, or turn them upright"
    yield from _of_photos(source, "photo-size", differs, what, remedy, details)
    details = [f"EXIF orientation {orientation}" for orientation in scan.facts["orientation"].tolist()]
    what = "that EXIF turns or mirrors"
    remedy = "loaders turn them, some annotation tools don't: look whether the boxes sit right"
    yield from _of_photos(source, "photo-turned", scan.readable & turned & ~differs, what, remedy, details)


def photo_size_differs(source: Source, photos: Photos) -> BoolArray:
    """Tell which photos, seen upright, have another size than a usable listed one, shape ``(P,)``."""
    listed_wh, has_size = source.table.images.sizes_wh[photos.rows], source.table.images.has_size[photos.rows]
    differs: BoolArray = photos.scan.readable & has_size & (photos.scan.sizes_wh != listed_wh).any(axis=1)
    return differs


def _turn(orientation: int) -> str:
    return ", stored on its side with an EXIF orientation" if orientation in ORIENTATIONS_ON_THE_SIDE else ""


def _of_photos(
    source: Source, kind: str, bad: BoolArray, what: str, remedy: str, details: Sequence[str] | None = None
) -> Iterator[Finding]:
    hits = np.flatnonzero(bad).tolist()
    if source.photos is None or not hits:
        return
    rows = source.photos.rows
    place = Places(source.table).image
    places = [place(int(rows[hit]), details[hit] if details else None) for hit in hits]
    number = f"{len(hits):,} photo{'s' * (len(hits) > 1)} of {len(rows):,}"
    yield Finding(kind, source.path, f"{number} {what}", places, remedy)


def check_copies(sources: Sequence[Source], threshold: int = DEFAULT_THRESHOLD) -> Iterator[Finding]:
    """Find photos that show the same scene, within one file and across files.

    Args:
        sources: Files whose photos have been read; others are left out.
        threshold: Bits of 64 in which the perceptual hashes of a pair may differ.
    """
    whole = [(source, source.photos) for source in sources if source.photos is not None]
    if not whole:
        return
    scan = _joined([photos for _, photos in whole])
    owner = np.repeat(np.arange(len(whole)), [len(photos.rows) for _, photos in whole])
    rows = np.concatenate([photos.rows for _, photos in whole])
    pairs = near_duplicate_pairs(scan, threshold)
    pairs = pairs[~_one_file(_paths(whole), pairs)]
    exact, bits = same_bytes(scan, pairs), hash_distances(scan, pairs)
    across = owner[pairs[:, 0]] != owner[pairs[:, 1]]
    for kind, chosen in (
        ("photo-copies", exact & ~across),
        ("photo-near-copies", ~exact & ~across),
        ("photo-copies-across", exact & across),
        ("photo-near-copies-across", ~exact & across),
    ):
        for first in range(len(whole)):
            for second in range(first, len(whole)):
                mine = chosen & (owner[pairs[:, 0]] == first) & (owner[pairs[:, 1]] == second)
                if mine.any():
                    yield _pairs_finding(kind, whole[first][0], whole[second][0], rows[pairs[mine]], bits[mine])


def _joined(parts: Sequence[Photos]) -> ImageScan:
    """Put the scans of several files one after the other."""
    return ImageScan(
        [name for photos in parts for name in photos.scan.file_names],
        [problem for photos in parts for problem in photos.scan.problems],
        np.concatenate([photos.scan.facts for photos in parts]),
    )


def _paths(parts: Sequence[tuple[Source, Photos]]) -> list[str]:
    """List where on disk every photo is."""
    return [
        os.path.join(os.path.realpath(source.image_root), name) for source, p in parts for name in p.scan.file_names
    ]


def _one_file(paths: list[str], pairs: IntArray) -> BoolArray:
    """Tell which pairs are one file listed twice, which is a finding of its own."""
    return np.array([paths[first] == paths[second] for first, second in pairs.tolist()], dtype=bool)


def _pairs_finding(kind: str, first: Source, second: Source, pairs: IntArray, bits: IntArray) -> Finding:
    """Make a finding of pairs, rows of the image columns of the two files; the nearest come first."""
    names = second.table.images.names
    place = Places(first.table).image
    exact = kind in ("photo-copies", "photo-copies-across")
    places = []
    for index in np.argsort(bits, kind="stable").tolist():
        one, other = pairs[index].tolist()
        detail = f"and {names[other]}" + ("" if exact else f", {bits[index]} of 64 bits differ")
        places.append(place(one, detail))
    count = f"{len(pairs):,} pair{'s' * (len(pairs) > 1)} of {'equal' if exact else 'nearly equal'} photos"
    if first is not second:
        what = f"{count}, one here and one in {second.path}"
        remedy = "what a model learned by heart is scored: keep a scene in one file" + ("" if exact else "; look first")
        return Finding(kind, first.path, what, places, remedy)
    groups = groups_of_pairs(len(names), pairs)
    scenes = int((np.bincount(groups) > 1).sum())
    what = f"{count} ({scenes:,} scene{'s' * (scenes > 1)})"
    remedy = "keep one of each" if exact else "keep the photos of a scene in one fold"
    return Finding(kind, first.path, what, places, remedy)
