"""Sizes of photos, for formats that keep none."""

from __future__ import annotations

import os
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from sortline.data.formats.base import Findings
from sortline.data.images import image_size
from sortline.progress import track

WORKERS = 8


def read_sizes(paths: Sequence[Path], findings: Findings) -> list[tuple[int, int]]:
    """Read widths and heights in pixels from the photos' headers, as loaders turn them.

    A photo that is absent or can't be read is reported and gets the size 1x1.
    """
    with ThreadPoolExecutor(max_workers=WORKERS) as pool:
        sizes = list(track(pool.map(_size_or_problem, paths), "reading photo sizes", total=len(paths)))
    for path, size in zip(paths, sizes, strict=True):
        if isinstance(size, str):
            findings.add(size, path, remedy="its size is needed: bring the photo, or say where it is with --image-root")
    return [(1, 1) if isinstance(size, str) else size for size in sizes]


def _size_or_problem(path: Path) -> tuple[int, int] | str:
    if not os.path.isfile(path):  # False, too, for a name that no file can have
        return "a missing photo"
    try:
        return image_size(path)
    # Pillow's readers of damaged headers raise whatever their parsing trips over.
    except Exception:
        return "a photo that can't be read"
