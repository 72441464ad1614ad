"""Photos are what MMDetection's loader makes of them, whichever way they are asked for."""

import io
import struct
import zlib

import cv2
import numpy as np
import pytest
from PIL import Image

from sortline.data import photos
from sortline.data.photo_files import absent_photos, describe_photos, find_photos
from sortline.data.photos import EXIF_ORIENTATION, PhotoError, decode_photo, read_photo, view_photo, view_photos
from sortline.errors import InputError

WIDTH, HEIGHT = 40, 24


def exif_of(orientation):
    exif = Image.Exif()
    exif[EXIF_ORIENTATION] = orientation
    return exif


def photo(form, orientation=None, mode="RGB", **options):
    """A photo's bytes, every pixel of another colour than its mirror images."""
    values = np.random.default_rng(0).integers(100, 255, (HEIGHT, WIDTH, 3), dtype=np.uint8)
    file = io.BytesIO()
    more = options if orientation is None else {**options, "exif": exif_of(orientation)}
    Image.fromarray(values).convert(mode).save(file, form, **more)
    return file.getvalue()


def deep(form, brightest, dtype=np.uint16):
    values = np.linspace(0, brightest, WIDTH * HEIGHT).astype(dtype).reshape(HEIGHT, WIDTH)
    return cv2.imencode(form, values)[1].tobytes()


def png_with(kind, data, behind_the_pixels=False):
    """A PNG with one more chunk."""
    content = photo("PNG")
    place = content.index(b"IEND" if behind_the_pixels else b"IDAT") - 4
    chunk = struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))
    return content[:place] + chunk + content[place:]


def jpeg_with(*segments):
    """A JPEG with application segments before all others."""
    content = photo("JPEG")
    parts = [b"\xff\xe1" + struct.pack(">H", len(data) + 2) + data for data in segments]
    return content[:2] + b"".join(parts) + content[2:]


XMP = b'<x:xmpmeta xmlns:x="adobe:ns:meta/"><rdf:RDF xmlns:rdf="http://www.w3.org/1999/02/22-rdf-syntax-ns#">'
XMP += b'<rdf:Description xmlns:tiff="http://ns.adobe.com/tiff/1.0/" tiff:Orientation="6"/></rdf:RDF></x:xmpmeta>'
EXIF = exif_of(6).tobytes()
TIFF_HEADER = EXIF.removeprefix(b"Exif\0\0")
RAW_PROFILE = b"Raw profile type exif\0\0" + zlib.compress(b"\nexif\n%8d\n" % len(EXIF) + EXIF.hex().encode())
PHOTOS = {
    **{
        f"{form} {orientation}": photo(form, orientation)
        for form in ("JPEG", "PNG", "WEBP", "TIFF", "BMP", "GIF", "MPO")
        for orientation in (None, *range(1, 10))
    },
    "AVIF 6": photo("AVIF", 6),
    "JPEG 2000": photo("JPEG2000"),
    "palette": photo("PNG", mode="P"),
    "grey": photo("JPEG", mode="L"),
    "CMYK": photo("JPEG", mode="CMYK"),
    "transparent": photo("PNG", mode="RGBA"),
    "JPEG, EXIF behind XMP": jpeg_with(b"http://ns.adobe.com/xap/1.0/\0" + XMP, EXIF),
    "JPEG, two EXIF entries": jpeg_with(exif_of(3).tobytes(), EXIF),
    "JPEG, XMP alone": jpeg_with(b"http://ns.adobe.com/xap/1.0/\0" + XMP),
    "PNG, EXIF behind the pixels": png_with(b"eXIf", TIFF_HEADER, behind_the_pixels=True),
    "PNG, EXIF as text": png_with(b"zTXt", RAW_PROFILE),
    "PNG, XMP": png_with(b"iTXt", b"XML:com.adobe.xmp" + b"\0" * 5 + XMP),
    "PNG of 16 bits": deep(".png", 2**16 - 1),
    "TIFF of 16 bits": deep(".tiff", 2**16 - 1),
    "bytes behind a JPEG": photo("JPEG") + b"\0" * 9,
}


@pytest.mark.parametrize("name", PHOTOS)
def test_size_and_pixels_are_those_of_the_loader(tmp_path, name):
    (tmp_path / "photo").write_bytes(PHOTOS[name])
    # The call of mmcv.imfrombytes with the defaults of LoadImageFromFile.
    loaded = cv2.imdecode(np.frombuffer(PHOTOS[name], np.uint8), cv2.IMREAD_COLOR)
    assert view_photo(tmp_path / "photo").size_wh == (loaded.shape[1], loaded.shape[0])
    assert np.array_equal(read_photo(tmp_path, {"file_name": "photo"}), loaded[..., ::-1])


@pytest.mark.mm
@pytest.mark.parametrize("name", ["JPEG 6", "PNG 6", "WEBP 6", "PNG of 16 bits", "transparent"])
def test_the_loader_is_that_of_every_config(tmp_path, name):
    from mmcv.transforms import LoadImageFromFile
    from mmdet.datasets.transforms import LoadAnnotations  # noqa: F401  registers

    (tmp_path / "photo").write_bytes(PHOTOS[name])
    loaded = LoadImageFromFile()({"img_path": str(tmp_path / "photo")})
    assert np.array_equal(loaded["img"][..., ::-1], decode_photo(PHOTOS[name]))


@pytest.mark.parametrize(
    ("name", "is_turned", "words"),
    [
        ("JPEG 6", True, "24x40, stored on its side with EXIF orientation 6"),
        ("TIFF 3", True, "40x24, turned by its EXIF orientation 3"),
        ("WEBP 6", False, "40x24, not turned by its EXIF orientation 6: loaders don't follow it here"),
        ("PNG 1", False, "40x24"),
    ],
)
def test_an_orientation_is_told_whether_the_loader_follows_it_or_not(tmp_path, name, is_turned, words):
    (tmp_path / "photo").write_bytes(PHOTOS[name])
    view = view_photo(tmp_path / "photo")
    assert view.is_turned == is_turned
    assert str(view) == words


@pytest.mark.parametrize(("name", "decodes"), [("JPEG None", 0), ("PNG None", 0), ("JPEG 1", 0), ("JPEG 6", 3), ("BMP None", 1)])
def test_plain_jpeg_and_png_are_not_decoded_for_their_size(tmp_path, monkeypatch, name, decodes):
    calls = []
    real = cv2.imdecode
    monkeypatch.setattr(cv2, "imdecode", lambda *args: calls.append(args) or real(*args))
    (tmp_path / "photo").write_bytes(PHOTOS[name])
    view_photo(tmp_path / "photo")
    assert len(calls) <= decodes


@pytest.mark.parametrize(
    ("content", "brightest", "is_nearly_black"),
    [
        (deep(".png", 2**12 - 1), 2**12 // 256 - 1, True),
        (deep(".tiff", 2**10 - 1), 2**10 // 256 - 1, True),
        (deep(".png", 2**16 - 1), 255, False),
        (deep(".png", 40, np.uint8), 40, False),
    ],
)
def test_a_deep_photo_that_loses_all_but_black_is_told_from_a_dark_one(tmp_path, content, brightest, is_nearly_black):
    (tmp_path / "photo").write_bytes(content)
    assert decode_photo(content).max() == brightest
    assert view_photo(tmp_path / "photo").is_nearly_black == is_nearly_black


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        (b"", "empty"),
        (b"text", "not an image"),
        (photo("JPEG")[:-100], "cut short"),
        (photo("PNG")[:-20], "cut short"),
        (photo("BMP")[:-20], "cut short"),
        (photo("WEBP")[:-20], "decoder"),
        (photo("TGA"), "TGA of mode RGB, which OpenCV can't load: save it as 8-bit PNG or JPEG"),
        (photo("PCX"), "PCX of mode RGB"),
        (deep(".tiff", 1.0, np.float32), "TIFF of mode F"),
    ],
)
def test_what_a_training_run_can_not_load_is_told_with_the_reason(tmp_path, content, reason):
    (tmp_path / "photo").write_bytes(content)
    with pytest.raises(PhotoError, match=reason):
        view_photo(tmp_path / "photo")
    with pytest.raises(InputError, match="photo: is not a readable image"):
        read_photo(tmp_path, {"file_name": "photo"})


def test_opencv_does_not_print_what_is_told_in_words(tmp_path, capfd):
    (tmp_path / "photo").write_bytes(photo("BMP")[:-20])
    (error,) = view_photos([tmp_path / "photo"])
    assert str(error) == "cut short"
    assert capfd.readouterr().err == ""


def test_what_is_no_file_is_told(tmp_path):
    for name, reason in ((".", "Is a directory"), ("absent", "No such file"), ("nul\0", "null byte")):
        with pytest.raises(PhotoError, match=reason):
            view_photo(f"{tmp_path}/{name}")
    with pytest.raises(InputError, match=r"a\.jpg: no such image"):
        read_photo(tmp_path, {"file_name": "a.jpg"})
