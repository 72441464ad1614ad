"""Photos as a training run sees them: their size and their pixels. All other modules ask here.

Every config loads photos by MMDetection's ``LoadImageFromFile`` with its defaults: ``cv2.imdecode`` of the file's bytes
with ``cv2.IMREAD_COLOR``. With OpenCV 4.12 this means:

- JPEG, PNG and TIFF are turned upright as their EXIF orientation says. WebP, AVIF, JPEG 2000, BMP and GIF are not, nor
  is any photo whose orientation stands in XMP or in a PNG's text only.
- The pixels have 8 bits: of 16 bits the upper 8 are kept, so that 12 bits stored in 16 become 0 to 15 of 255.
- They have three channels: grey is repeated, transparency is dropped, palettes and CMYK are converted.
- Of an animation, or of several pages, the first one is loaded.
- TGA, PCX, ICO, samples of 32 bits and files that are cut short can't be loaded: training ends in a traceback.

Pillow, which most annotation tools resemble more, differs in each of these. Hence pixels come from OpenCV alone; Pillow
reads headers where both are known to agree, and says what is wrong with a file.
"""

from __future__ import annotations

import io
import os
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any

import numpy as np
from PIL import Image, UnidentifiedImageError

from sortline.arrays import UInt8Array
from sortline.errors import InputError, Problem
from sortline.files import missing_part
from sortline.progress import track

EXIF_ORIENTATION = 0x0112
UPRIGHT = 1
#: A photo of more than 8 bits whose brightest value stays below this after conversion, of 255, is nearly black.
LEAST_BRIGHTEST = 64
WORKERS = 8


class PhotoError(Exception):
    """A training run can't load a photo; the message says why: ``"cut short"``, ``"not an image"``."""


@dataclass(frozen=True)
class PhotoView:
    """What a training run makes of a photo.

    Attributes:
        size_wh: Width and height in pixels, as loaded.
        orientation: The file's EXIF orientation, 1 to 8; 1 is upright.
        is_turned: Whether loading turns or mirrors it, as the orientation says.
        is_nearly_black: Whether it has more than 8 bits, of which the loader keeps nearly none.
    """

    size_wh: tuple[int, int]
    orientation: int = UPRIGHT
    is_turned: bool = False
    is_nearly_black: bool = False

    def __str__(self) -> str:
        """Name size and orientation: ``"48x64, stored on its side with EXIF orientation 6"``."""
        size = f"{self.size_wh[0]}x{self.size_wh[1]}"
        if self.orientation == UPRIGHT:
            return size
        if not self.is_turned:
            return f"{size}, not turned by its EXIF orientation {self.orientation}: loaders don't follow it here"
        how = "stored on its side with" if self.orientation > 4 else "turned by its"
        return f"{size}, {how} EXIF orientation {self.orientation}"


def decode_photo(data: bytes) -> UInt8Array:
    """Return a photo's pixels as a training run loads them: RGB, shape ``(height, width, 3)``.

    Raises:
        PhotoError: A training run can't load it.
    """
    return np.ascontiguousarray(_decode(data, "IMREAD_COLOR")[..., ::-1])


def _decode(data: bytes, *flags: str) -> UInt8Array:
    """Decode a photo by OpenCV's flags of these names; pixels are BGR, grey, or with an alpha channel."""
    import cv2  # as long a start as all else of a tool that may not look at a single photo

    try:
        pixels = cv2.imdecode(np.frombuffer(data, np.uint8), sum(getattr(cv2, name) for name in flags))
    except cv2.error:  # an empty file, or one whose header asks for too many pixels
        pixels = None
    if pixels is None:
        raise PhotoError(_what_is_wrong(data))
    return np.asarray(pixels)


def _what_is_wrong(data: bytes) -> str:
    """Say why a file's bytes can't be loaded."""
    if not data:
        return "empty"
    try:
        with Image.open(io.BytesIO(data)) as image:
            image.load()
            return f"{image.format} of mode {image.mode}, which OpenCV can't load: save it as 8-bit PNG or JPEG"
    except UnidentifiedImageError:
        return "not an image"
    # Pillow's readers of damaged files raise whatever their parsing trips over.
    except Exception as error:
        return "cut short" if "truncated" in str(error) else str(error) or type(error).__name__


def view_of(data: bytes, pixels: UInt8Array) -> PhotoView:
    """Say what a training run makes of a photo.

    Args:
        data: The file's bytes.
        pixels: What :func:`decode_photo` makes of them.
    """
    form, orientation = _form_and_orientation(data)
    # OpenCV leaves it to libtiff to turn a TIFF, which does so whatever the flags say.
    is_turned = orientation != UPRIGHT and (
        form == "TIFF"
        or not np.array_equal(_decode(data, "IMREAD_COLOR", "IMREAD_IGNORE_ORIENTATION")[..., ::-1], pixels)
    )
    is_dark = bool(pixels.max() < LEAST_BRIGHTEST)
    is_nearly_black = is_dark and _decode(data, "IMREAD_UNCHANGED").dtype != np.uint8
    return PhotoView((pixels.shape[1], pixels.shape[0]), orientation, is_turned, is_nearly_black)


def _form_and_orientation(data: bytes) -> tuple[str, int]:
    """Return a file's format and the orientation that it states, whether loaders follow it or not; 1 without any."""
    try:
        with Image.open(io.BytesIO(data)) as image:
            # Pillow decodes all of a PNG to look for an entry behind the pixels.
            is_stated = image.format != "PNG" or b"eXIf" in data
            value = image.getexif().get(EXIF_ORIENTATION) if is_stated else UPRIGHT
            return image.format or "", value if value in range(1, 9) else UPRIGHT
    except Exception:  # a format that OpenCV reads and Pillow doesn't, or a damaged entry
        return "", UPRIGHT


def view_photo(path: str | os.PathLike[str]) -> PhotoView:
    """Say what a training run makes of a photo file. Of most JPEG and PNG files only header and end are read.

    Raises:
        PhotoError: The file is absent, can't be read, or a training run can't load it.
    """
    try:
        with open(path, "rb") as file:
            found = _view_by_header(file)
            if found is not None:
                return found
            file.seek(0)
            data = file.read()
    except OSError as error:
        raise PhotoError(error.strerror or str(error)) from None
    except ValueError as error:  # a name that no file can have
        raise PhotoError(str(error)) from None
    return view_of(data, decode_photo(data))


def _view_by_header(file: IO[bytes]) -> PhotoView | None:
    """Read size and completeness of a JPEG or PNG from its header and its end; None where only decoding tells.

    That is for all other formats, for more than 8 bits, and where EXIF may turn the photo: OpenCV reads fewer forms of
    the entry than Pillow.

    Raises:
        PhotoError: The file is cut short.
    """
    try:
        image = Image.open(file)
        exif = image.getexif() if image.format in ("JPEG", "MPO") and "exif" in image.info else None
        is_upright = exif is None or exif.get(EXIF_ORIENTATION) == UPRIGHT
    except Exception:
        return None
    if image.format in ("JPEG", "MPO"):
        is_whole = _jpeg_is_whole(file)
    elif image.format == "PNG":
        chunks, depth = _png_chunks(file)
        is_whole = b"IEND" in chunks
        is_upright = depth <= 8 and b"eXIf" not in chunks
    else:
        return None
    if not is_whole:
        raise PhotoError("cut short")
    return PhotoView(image.size) if is_upright else None


def _jpeg_is_whole(file: IO[bytes]) -> bool:
    """Tell whether the end marker follows the picture's data; phones may append more behind it."""
    file.seek(-2, os.SEEK_END)
    if file.read(2) == b"\xff\xd9":
        return True
    file.seek(0)
    data = file.read()
    # Segments before the picture, such as EXIF with its own small JPEG, are skipped by their lengths; within
    # the picture's data a byte FF is always followed by 00 or a restart marker, so FFD9 can only be its end.
    position = 2
    while position + 4 <= len(data) and data[position] == 0xFF and data[position + 1] != 0xDA:
        position += 2 + int.from_bytes(data[position + 2 : position + 4], "big")
    return b"\xff\xd9" in data[position:]


def _png_chunks(file: IO[bytes]) -> tuple[set[bytes], int]:
    """Return the kinds of a PNG's chunks up to its end, as far as they are there, and its bits a sample."""
    file.seek(24)  # signature, then length, name, width and height of the header chunk
    depth = file.read(1)[0]
    kinds = set()
    position, end = 8, file.seek(0, os.SEEK_END)
    while position + 12 <= end and b"IEND" not in kinds:
        file.seek(position)
        length, kind = int.from_bytes(file.read(4), "big"), file.read(4)
        position += 12 + length
        if position <= end:
            kinds.add(kind)
    return kinds, depth


def read_photo(image_root: str | os.PathLike[str], image: dict[str, Any]) -> UInt8Array:
    """Load a photo of an annotation file as a training run does: RGB, shape ``(height, width, 3)``.

    Raises:
        InputError: It's absent, or a training run can't load it.
    """
    path = Path(image_root, image["file_name"])
    try:
        return decode_photo(path.read_bytes())
    except FileNotFoundError:
        raise InputError(Problem(str(path), "no such image", missing_part(path))) from None
    except (OSError, PhotoError) as error:
        raise InputError(Problem(str(path), f"is not a readable image: {error}", "copy it again")) from None


@contextmanager
def quiet_opencv() -> Iterator[None]:
    """Keep OpenCV from printing what it finds wrong with a photo: that is told in our own words."""
    import cv2  # as above

    level = cv2.getLogLevel()
    cv2.setLogLevel(0)
    try:
        yield
    finally:
        cv2.setLogLevel(level)


def view_photos(paths: Sequence[Path], progress: str = "") -> list[PhotoView | PhotoError]:
    """Look at photo files, several at a time; an error in place of a view where a training run can't load one.

    Args:
        paths: The files.
        progress: Text of a progress bar; none is shown for an empty one.
    """

    def look(path: Path) -> PhotoView | PhotoError:
        try:
            return view_photo(path)
        except PhotoError as error:
            return error

    with quiet_opencv(), ThreadPoolExecutor(max_workers=WORKERS) as pool:
        found = pool.map(look, paths)
        return list(track(found, progress, total=len(paths)) if progress else found)
