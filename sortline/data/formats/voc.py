"""Pascal VOC: an xml a photo in ``Annotations``, the splits as lists of names in ``ImageSets/Main``.

Pascal VOC counts pixels from 1: the leftmost pixel is 1, and ``xmax`` is the last pixel inside the box. Many
tools write corners counted from 0 instead. Which of the two a file of ours holds stands in it; for other files
the standard is assumed until a corner below 1 disproves it. Corners are exact sums of left and width as
printed, so reading back gives the same floats.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from sortline.data.annotations import category_names
from sortline.data.formats.base import (
    Findings,
    Format,
    Plan,
    ReadOptions,
    Split,
    WriteOptions,
    canonical_split,
    named_splits,
    photos_of,
    pick_splits,
    without_suffix,
)
from sortline.data.formats.build import (
    CLASS_LISTS,
    Builder,
    check_shared_classes,
    class_list_text,
    class_order,
    read_sizes,
)
from sortline.data.formats.decimals import box_of_corners
from sortline.data.formats.voc_xml import FLAGS, XmlBox, XmlFile, parse_file, print_file
from sortline.data.photo_files import files_below
from sortline.errors import InputError, Problem, counted
from sortline.files import read_text
from sortline.progress import track
from sortline.reports.numbers import some

ANNOTATIONS, LISTS, PHOTOS = "Annotations", "ImageSets/Main", "JPEGImages"


def recognises(source: Path) -> bool:
    """Tell whether ``source`` is a folder with xml files."""
    return source.is_dir() and bool(files_below(_annotation_folder(source), (".xml",)))


def read(source: Path, options: ReadOptions) -> list[Split]:
    """Read a folder of xml files.

    Raises:
        InputError: All that is wrong with the files, each with its place.
    """
    if not source.is_dir():
        raise InputError(Problem(str(source), "is not a folder of Pascal VOC xml files"))
    folder = _annotation_folder(source)
    files, notes = _files_of_splits(source, folder, options.split)
    root = options.image_root or _photo_folder(source)
    findings = Findings(source)
    paths = [path for split_paths in files.values() for path in split_paths]
    parsed = {path: parse_file(path, findings) for path in track(dict.fromkeys(paths), "reading xml files")}
    contents = {
        name: [_named(file, folder) for path in listed if (file := parsed[path])] for name, listed in files.items()
    }
    everything = [file for content in contents.values() for file in content]
    origin, origin_note = _find_origin(everything, options.voc_origin, findings)
    sizes = _sizes(everything, root, findings)
    builders = {name: _build(content, sizes, origin, findings) for name, content in contents.items()}
    used = sorted({name for builder in builders.values() for name in builder.class_names()})
    classes, class_note = class_order(options.classes, source, used)
    notes += [note for note in (origin_note, class_note) if note]
    splits = [
        Split(name, builder.finish(classes, str(folder)), root, tuple(files[name]), tuple(notes))
        for name, builder in builders.items()
    ]
    findings.check()
    return splits


def _annotation_folder(source: Path) -> Path:
    """Return the folder of the xml files: ``Annotations``, or ``source`` itself."""
    return next((source / name for name in (ANNOTATIONS, ANNOTATIONS.lower()) if (source / name).is_dir()), source)


def _photo_folder(source: Path) -> Path:
    """Return the folder of the photos: ``JPEGImages`` or ``images``, or ``source`` itself."""
    return next((source / name for name in (PHOTOS, "images") if (source / name).is_dir()), source)


def _files_of_splits(source: Path, folder: Path, wanted: str | None) -> tuple[dict[str, list[Path]], list[str]]:
    """List each split's xml files: those that ``ImageSets/Main`` names, else all as one split."""
    everything = files_below(folder, (".xml",))
    if not everything:
        raise InputError(Problem(str(folder), "holds no xml files"))
    lists = named_splits(source / LISTS, ".txt")
    if not lists:
        return {wanted or canonical_split(source.name) or "train": everything}, []
    known = {path.relative_to(folder).with_suffix("").as_posix(): path for path in everything}
    findings = Findings(source)
    files: dict[str, list[Path]] = {}
    for name, path in pick_splits(lists, wanted, source).items():
        files[name] = []
        for number, line in enumerate(read_text(path).split("\n"), start=1):
            stem = line if line in known else line.strip()
            if stem in known:
                files[name].append(known[stem])
            elif stem:
                findings.add("names an xml file that is absent", f"{path}:{number}", f"{stem}.xml")
    findings.check()
    left = len(known) - len({path for listed in files.values() for path in listed}) if wanted is None else 0
    return files, [f"left out {some(left, 'xml file')} that no list in {LISTS} names"] if left else []


def _named(file: XmlFile, folder: Path) -> XmlFile:
    """Complete a bare ``<filename>`` by the folder in which the xml lies below ``folder``."""
    inner = file.path.parent.relative_to(folder).as_posix()
    if "/" in file.file_name or inner == ".":
        return file
    return XmlFile(file.path, f"{inner}/{file.file_name}", file.size_wh, file.origin, file.boxes)


def _find_origin(files: Sequence[XmlFile], given: int | None, findings: Findings) -> tuple[int, str]:
    """Decide from which number pixels count where a file does not say so itself."""
    if given is not None:
        return given, ""
    silent = [box for file in files if file.origin is None for box in file.boxes]
    below = [box.where for box in silent if min(box.corners[:2]) < 1]
    if below:
        remedy = "they seem to count from 0: add --voc-zero-based (or --voc-one-based, if a box really begins there)"
        what = f"{len(below):,} of {some(len(silent), 'box')} begin below pixel 1, the first of Pascal VOC"
        findings.extend([Problem(counted(below), what, remedy)])
    return 1, "pixels counted from 1, as in Pascal VOC; --voc-zero-based if they count from 0" if silent else ""


def _sizes(files: Sequence[XmlFile], root: Path, findings: Findings) -> dict[Path, tuple[int, int]]:
    """Return the size of each file's photo, from the photo where the file does not say it."""
    sizes = {file.path: file.size_wh for file in files if file.size_wh is not None}
    silent = [file for file in files if file.size_wh is None]
    found = read_sizes([root / file.file_name for file in silent], findings)
    return {**sizes, **{file.path: size for file, size in zip(silent, found, strict=True)}}


def _build(files: Sequence[XmlFile], sizes: dict[Path, tuple[int, int]], origin: int, findings: Findings) -> Builder:
    builder = Builder(findings)
    for file in files:
        if file.file_name in builder.images:
            findings.add("a second xml for one image", file.path, file.file_name)
        image = builder.add_image(file.file_name, sizes[file.path], file.path)
        for box in file.boxes:
            own = file.origin if file.origin is not None else origin
            builder.add_box(image, box.name, box_of_corners(*box.corners, own), box.where, **box.keys)
    return builder


def plan(splits: Sequence[Split], out: Path, options: WriteOptions) -> Plan:
    """Plan ``Annotations``, ``ImageSets/Main``, ``JPEGImages`` and ``classes.txt`` below ``out``.

    Folders of ``file_name`` are mirrored. Where two photos differ only in suffix, the xml of each has its
    photo's full name.

    Raises:
        InputError: ``classes.txt`` of another dataset lies there.
    """
    names = category_names(splits[0].annotations)
    check_shared_classes(out, names, options.overwrite)
    made = Plan(out, shared={CLASS_LISTS[0]})
    lists = {}
    for split in splits:
        made.add_photos(photos_of(split, f"{PHOTOS}/"))
        texts = _split_texts(split, options.voc_origin)
        for stem, text in texts:
            made.add_text(f"{ANNOTATIONS}/{stem}.xml", text)
        lists[f"{LISTS}/{split.name}.txt"] = "".join(f"{stem}\n" for stem, _ in texts)
    for place, text in lists.items():
        made.add_text(place, text)
    made.add_text(CLASS_LISTS[0], class_list_text(names))
    return made


def _split_texts(split: Split, origin: int) -> list[tuple[str, str]]:
    """Print each image's file, with its name without suffix."""
    annotations = split.annotations
    names = {category["id"]: category["name"] for category in annotations["categories"]}
    boxes: dict[int, list[tuple[str, dict[str, Any]]]] = {image["id"]: [] for image in annotations["images"]}
    for box in annotations["annotations"]:
        boxes[box["image_id"]].append((names[box["category_id"]], box))
    stems = _stems([image["file_name"] for image in annotations["images"]])
    images = zip(stems, annotations["images"], strict=True)
    return [(stem, print_file(image, boxes[image["id"]], origin)) for stem, image in images]


def _stems(file_names: Sequence[str]) -> list[str]:
    """Name each image's xml: without the photo's suffix, but with it where two would be the same."""
    stems = [without_suffix(name) for name in file_names]
    counts = Counter(stems)
    return [name if counts[stem] > 1 else stem for name, stem in zip(file_names, stems, strict=True)]


VOC = Format(
    "voc", recognises, read, plan, held_keys=frozenset({*FLAGS, "pose", "iscrowd", "area"}), lists_classes=False
)
