"""Checks of photos as a training run loads them: there, readable, bright, of the listed size, and shown once."""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from functools import partial
from pathlib import Path

import numpy as np

from sortline.arrays import BoolArray, IntArray
from sortline.data.annotations import CocoJson
from sortline.data.check.findings import Finding, Place, Places
from sortline.data.check.source import Photos, Source
from sortline.data.photo_files import pair_photos
from sortline.data.photo_scan import (
    DEFAULT_THRESHOLD,
    PhotoScan,
    groups_of_pairs,
    hash_distances,
    near_duplicate_pairs,
    same_bytes,
    scan_photos,
)
from sortline.data.photos import UPRIGHT, PhotoError, PhotoView, view_photos
from sortline.errors import Problem, counted
from sortline.files import missing_part
from sortline.reports.numbers import some

UNREADABLE = "copy them again, save them as JPEG or PNG, or remove them from the file"
OTHER_SIZE = "boxes would be in the wrong place: use the photos that were annotated, or turn them upright"
NEARLY_BLACK = "nearly black after conversion to the 8 bits that training loads"
STRETCH = "they use the lower of their 16 bits only: stretch them to the whole range and save them with 8 bits"


def check_images(annotations: CocoJson, image_root: str | os.PathLike[str], where: str) -> list[Problem]:
    """Check that every listed image exists and that a training run loads it whole, bright and of the listed size.

    Of most JPEG and PNG files only the header and the end are read: thousands of photos take seconds.

    Args:
        annotations: A file read by :func:`~sortline.data.annotations.read_annotations`.
        image_root: Folder that the ``file_name`` entries start from.
        where: The annotation file, as shown to the user.

    Returns:
        One problem a kind, each naming the first images and counting the others.
    """
    root = Path(image_root)
    if not root.is_dir():
        return [Problem(where, f"the image folder {str(root)!r} does not exist", missing_part(root))]
    images = annotations["images"]
    pairing = pair_photos(root, [image["file_name"] for image in images if not (root / image["file_name"]).is_dir()])
    absent = set(pairing.absent)
    found = {"absent": pairing.absent, "unreadable": [], "size": [], "nearly black": []}
    looked_at = [image for image in images if image["file_name"] not in absent]
    for image, view in zip(looked_at, view_photos([root / image["file_name"] for image in looked_at]), strict=True):
        listed_wh = (image["width"], image["height"])
        if isinstance(view, PhotoError):
            found["unreadable"].append(f"{image['file_name']} ({view})")
        elif view.size_wh != listed_wh:
            found["size"].append(f"{image['file_name']} ({_size_text(view, listed_wh)})")
        if isinstance(view, PhotoView) and view.is_nearly_black:
            found["nearly black"].append(image["file_name"])
    remedies = {
        "absent": ("listed but absent", pairing.remedy),
        "unreadable": ("that can't be read", UNREADABLE),
        "size": ("of another size than the annotation file says", OTHER_SIZE),
        "nearly black": (NEARLY_BLACK, STRETCH),
    }
    return [
        Problem(where, f"{len(names):,} of {len(images):,} images {remedies[kind][0]}: {counted(names)}", remedies[kind][1])
        for kind, names in found.items()
        if names
    ]


def _size_text(view: PhotoView, listed_wh: Sequence[int]) -> str:
    """Say what size a photo has, which one is listed, and what its EXIF orientation has to do with it."""
    size, _, turn = str(view).partition(", ")
    return ", ".join(filter(None, (size, f"listed as {listed_wh[0]}x{listed_wh[1]}", turn)))


def read_photos(source: Source, progress: bool = True) -> None:
    """Read the photos of all images that have a usable name, once, and keep what was found in the source."""
    names = source.table.images.names
    rows = np.array([row for row, name in enumerate(names) if name], dtype=np.int64)
    if source.image_root.is_dir():
        scan = scan_photos(source.image_root, [{"file_name": names[row]} for row in rows.tolist()], progress)
        source.photos = Photos(rows, scan)


def check_photos(source: Source) -> Iterator[Finding]:
    """Find photos that are absent, unreadable, nearly black, turned by EXIF or of another size than the file says."""
    if source.photos is None:
        yield _all_absent(source, missing_part(source.image_root))
        return
    scan, rows = source.photos.scan, source.photos.rows
    absent = np.array([problem == "absent" for problem in scan.problems], dtype=bool)
    twins = twins_of_absent(source, source.photos)
    if len(rows) and absent.all() and not twins:
        yield _all_absent(source, "set the folder that the file_name entries start from with --image-root")
        return
    found = partial(_of_photos, source)
    details = [f"there as {twins[name]}" if name in twins else "" for name in scan.file_names]
    yield from found("photo-absent", absent, "listed but absent", "copy them, or remove them from the file", details)
    details = [problem.removeprefix("can't be read: ") for problem in scan.problems]
    yield from found("photo-unreadable", ~scan.readable & ~absent, "that can't be read", UNREADABLE, details)
    brightest = [f"mean brightness {brightness:.0f} of 255" for brightness in scan.facts["brightness"]]
    yield from found("photo-nearly-black", scan.facts["is_nearly_black"], NEARLY_BLACK, STRETCH, brightest)
    listed_wh = source.table.images.sizes_wh[rows].tolist()
    views = [scan.view(row) for row in range(len(rows))]
    differs = photo_size_differs(source, source.photos)
    details = [_size_text(view, listed) for view, listed in zip(views, listed_wh, strict=True)]
    yield from found("photo-size", differs, "of another size than the file says", OTHER_SIZE, details)
    stated = scan.readable & (scan.facts["orientation"] > UPRIGHT) & ~differs
    details = [f"EXIF orientation {view.orientation}" for view in views]
    remedy = "training turns them, some annotation tools don't: look whether the boxes sit right"
    yield from found("photo-turned", stated & scan.facts["is_turned"], "that EXIF turns or mirrors", remedy, details)
    what = "with an EXIF orientation that training doesn't follow in files of this format"
    remedy = "some annotation tools follow it: look whether the boxes sit right, and save the photos upright"
    yield from found("photo-turned", stated & ~scan.facts["is_turned"], what, remedy, details)


def twins_of_absent(source: Source, photos: Photos) -> dict[str, str]:
    """Return, by ``file_name``, the files that are there under another form of an absent photo's name."""
    if "absent" not in photos.scan.problems:
        return {}
    return pair_photos(source.image_root, photos.scan.file_names).twins


def _all_absent(source: Source, remedy: str) -> Finding:
    detail = Place(detail=f"the image folder {str(source.image_root)!r}")
    return Finding("photos-absent", source.path, "none of the photos is where the file says", [detail], remedy)


def photo_size_differs(source: Source, photos: Photos) -> BoolArray:
    """Tell which photos, as loaded, have another size than a usable listed one, shape ``(P,)``."""
    listed_wh, has_size = source.table.images.sizes_wh[photos.rows], source.table.images.has_size[photos.rows]
    differs: BoolArray = photos.scan.readable & has_size & (photos.scan.sizes_wh != listed_wh).any(axis=1)
    return differs


def _of_photos(
    source: Source, kind: str, bad: BoolArray, what: str, remedy: str, details: Sequence[str] | None = None
) -> Iterator[Finding]:
    hits = np.flatnonzero(bad).tolist()
    if source.photos is None or not hits:
        return
    rows = source.photos.rows
    place = Places(source.table).image
    places = [place(int(rows[hit]), (details[hit] or None) if details else None) for hit in hits]
    yield Finding(kind, source.path, f"{some(len(hits), 'photo')} of {len(rows):,} {what}", places, remedy)


def check_copies(sources: Sequence[Source], threshold: int = DEFAULT_THRESHOLD) -> Iterator[Finding]:
    """Find photos that show the same scene, within one file and across files.

    Args:
        sources: Files whose photos have been read; others are left out.
        threshold: Bits of 64 in which the perceptual hashes of a pair may differ.
    """
    whole = [(source, source.photos) for source in sources if source.photos is not None]
    if not whole:
        return
    scan = PhotoScan(
        [name for _, photos in whole for name in photos.scan.file_names],
        [problem for _, photos in whole for problem in photos.scan.problems],
        np.concatenate([photos.scan.facts for _, photos in whole]),
    )
    owner = np.repeat(np.arange(len(whole)), [len(photos.rows) for _, photos in whole])
    rows = np.concatenate([photos.rows for _, photos in whole])
    paths = [os.path.join(os.path.realpath(one.image_root), name) for one, own in whole for name in own.scan.file_names]
    pairs = near_duplicate_pairs(scan, threshold)
    # One file listed twice is a finding of its own.
    is_one_file = [paths[first] == paths[second] for first, second in pairs.tolist()]
    pairs = pairs[~np.array(is_one_file, dtype=bool)]
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
    count = f"{some(len(pairs), 'pair')} of {'equal' if exact else 'nearly equal'} photos"
    if first is not second:
        what = f"{count}, one here and one in {second.path}"
        remedy = "what a model learned by heart is scored: keep a scene in one file" + ("" if exact else "; look first")
        return Finding(kind, first.path, what, places, remedy)
    groups = groups_of_pairs(len(names), pairs)
    what = f"{count} ({some(int((np.bincount(groups) > 1).sum()), 'scene')})"
    remedy = "keep one of each" if exact else "keep the photos of a scene in one fold"
    return Finding(kind, first.path, what, places, remedy)
