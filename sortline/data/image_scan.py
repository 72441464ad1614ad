"""What photos themselves say: can they be read, their size and orientation, fingerprints, light and sharpness."""

from __future__ import annotations

import hashlib
import io
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
from PIL import Image, ImageOps, UnidentifiedImageError

from sortline.data.annotations import EXIF_ORIENTATION
from sortline.arrays import BoolArray, IntArray
from sortline.files import atomic_write, cache_folder
from sortline.progress import track

#: Raised whenever a field is added or measured in another way: what was kept before is then measured again.
VERSION = 1
#: Photos are measured at about this many pixels on their shorter side, so that numbers of large and small ones compare.
WORKING_SIDE = 256
THUMBNAIL = 16

FACTS = np.dtype(
    [
        ("width", np.int32),
        ("height", np.int32),
        ("orientation", np.uint8),
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
class ImageScan:
    """Facts of ``N`` photos, in the order of the ``images`` they were read for.

    Attributes:
        file_names: As the annotation file lists them.
        problems: ``""`` for a photo that was read to its end, else why not: ``"absent"``,
            ``"can't be read: cut short"`` and so on.
        facts: One record a photo, zeros where there is a problem. ``width`` and ``height`` in pixels as a training
            run sees the photo, turned upright; ``orientation``, the EXIF value, 1 to 8, where 1 is upright;
            ``digest``, hexadecimal hash of the file's bytes; ``phash``, 64 bits of a perceptual hash (imagehash's
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
        """Width and height in pixels, upright, shape ``(N, 2)``; zeros where there is a problem."""
        return np.stack([self.facts["width"], self.facts["height"]], axis=1).astype(np.int64)


def scan_images(
    image_root: str | os.PathLike[str], images: Sequence[dict[str, Any]], progress: bool = True
) -> ImageScan:
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
    with ThreadPoolExecutor(max_workers=len(os.sched_getaffinity(0))) as pool:
        found = pool.map(lambda item: _look_at(item[1], known.get(item[0])), zip(names, paths, strict=True))
        looked = list(track(found, "reading photos", len(names)) if progress else found)
    fresh = {name: entry for name, (_, entry) in zip(names, looked, strict=True) if entry is not None}
    if any(known.get(name) is not entry for name, entry in fresh.items()):
        _keep_cache(root, {**known, **fresh})
    facts = np.zeros(len(names), dtype=FACTS)
    for row, name in enumerate(names):
        if name in fresh:
            facts[row] = fresh[name]["facts"]
    return ImageScan(names, [problem for problem, _ in looked], facts)


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
    except UnidentifiedImageError:
        return f"can't be read: {'not an image' if data else 'empty'}", None
    # Pillow's readers of damaged files raise whatever their parsing trips over.
    except Exception as error:
        return f"can't be read: {error or type(error).__name__}", None
    return "", np.array((status.st_size, status.st_mtime_ns, facts), dtype=ENTRY)


def measure(data: bytes) -> npt.NDArray[Any]:
    """Decode a photo's bytes and return its record of type :data:`FACTS`.

    Raises:
        Exception: Whatever Pillow raises on data that is not a whole image.
    """
    with Image.open(io.BytesIO(data)) as image:
        image.load()
        orientation = image.getexif().get(EXIF_ORIENTATION, 1)
        upright = image if orientation == 1 else ImageOps.exif_transpose(image)
        width, height = upright.size
        small = upright.convert("RGB").reduce(max(1, min(width, height) // WORKING_SIDE))
    grey = small.convert("L")
    values = np.asarray(grey)
    mean, deviation = cv2.meanStdDev(values)
    bits = imagehash.phash(grey).hash
    return np.array(
        (
            width,
            height,
            orientation if orientation in range(1, 9) else 1,
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
