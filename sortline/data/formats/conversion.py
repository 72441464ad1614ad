"""Convert a dataset from any format to any other, with edits on the way."""

from __future__ import annotations

import hashlib
import os
from collections import Counter
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field, replace
from itertools import chain
from pathlib import Path
from typing import Any

from sortline.data.annotations import CocoJson, category_names
from sortline.data.dataset_edits import Edits, apply_edits, merge, prefix_file_names
from sortline.data.formats import FORMAT_NAMES, get_format
from sortline.data.formats.base import (
    Findings,
    Format,
    ReadOptions,
    Split,
    WriteOptions,
    canonical_split,
    check_names,
    own_area,
)
from sortline.data.formats.output import COPY, NONE, check_plan, write_plan
from sortline.data.photo_files import absent_photos
from sortline.errors import InputError, Problem, counted
from sortline.files import file_sha256, missing_part
from sortline.reports.numbers import some

ALWAYS_HELD = {
    "images": {"id", "file_name", "width", "height"},
    "categories": {"id", "name"},
    "annotations": {"id", "image_id", "category_id", "bbox"},
}


@dataclass(frozen=True)
class ConvertRequest:
    """One conversion.

    Attributes:
        source: File or folder to read.
        target_format: Format to write.
        out: File or folder to write.
        source_format: Format of ``source``; None to recognise it.
        split: The split to read of a source with several, else the name of what is written.
        images: ``copy``, ``link`` or ``none``; None for what the format needs.
        image_root: Folder that ``file_name`` starts from; None for the source's.
        classes: Order of classes for formats that keep none.
        voc_origin: Number of the first pixel in Pascal VOC files; None for 1, or what the files say.
        merge: Further datasets to join.
        renumber: Whether ids count from 0 again.
        edits: What to change.
        overwrite: Whether existing files may be replaced.
    """

    source: Path
    target_format: str
    out: Path
    source_format: str | None = None
    split: str | None = None
    images: str | None = None
    image_root: Path | None = None
    classes: tuple[str, ...] | None = None
    voc_origin: int | None = None
    merge: tuple[Path, ...] = ()
    renumber: bool = False
    edits: Edits = field(default_factory=Edits)
    overwrite: bool = False


@dataclass(frozen=True)
class Converted:
    """What a conversion did.

    Attributes:
        out: Where the result is.
        splits: Images and boxes of each split.
        classes: Number of classes.
        notes: What the user should know.
        losses: What the format can't hold.
    """

    out: Path
    splits: dict[str, tuple[int, int]]
    classes: int
    notes: tuple[str, ...] = ()
    losses: tuple[str, ...] = ()

    def __str__(self) -> str:
        lines = [
            f"{name}: {some(images, 'image')}, {some(boxes, 'box')}, {some(self.classes, 'class')}"
            for name, (images, boxes) in self.splits.items()
        ]
        lines += [f"note: {note}" for note in self.notes]
        if self.losses:
            lines.append(f"lost: {', '.join(self.losses)}")
        return "\n".join([*lines, f"wrote {self.out}"])


def convert(request: ConvertRequest) -> Converted:
    """Read, edit, check and write a dataset. The source is never changed.

    Raises:
        InputError: Anything wrong with source, edits or target; nothing is written then.
    """
    target = get_format(request.target_format)
    loaded = [_edited(part, request) for part in _read_all(request)]
    splits = [part.split for part in loaded]
    _check_contents(splits, target)
    losses = [] if target.held_keys is None else count_losses([part.annotations for part in splits], target.held_keys)
    if target.held_keys is None:
        splits = [_with_provenance(part, request) for part in loaded]
    options = WriteOptions(1 if request.voc_origin is None else request.voc_origin, request.overwrite)
    plan = target.plan(splits, request.out, options)
    images = request.images or (COPY if target.needs_photos else NONE)
    check_plan(plan, images, [path for split in splits for path in split.files], request.overwrite)
    write_plan(plan, images)
    notes = [*dict.fromkeys(note for split in splits for note in split.notes), *plan.notes]
    if images == NONE:
        notes += _photo_notes(splits)
    counts = {part.name: (len(part.annotations["images"]), len(part.annotations["annotations"])) for part in splits}
    return Converted(request.out, counts, len(splits[0].annotations["categories"]), tuple(notes), tuple(losses))


def recognise(source: Path) -> Format:
    """Find the format of a file or folder.

    Raises:
        InputError: There is none, or it could be several.
    """
    if not source.exists():
        raise InputError(Problem(str(source), "no such file or folder", missing_part(source)))
    formats = [found for found in map(get_format, FORMAT_NAMES) if found.recognises(source)]
    if len(formats) == 1:
        return formats[0]
    names = counted([found.name for found in formats], len(FORMAT_NAMES))
    what = f"could be any of {names}" if formats else "is of no known format"
    raise InputError(Problem(str(source), what, f"say which with --from {'|'.join(FORMAT_NAMES)}"))


@dataclass(frozen=True)
class _Loaded:
    """A split with what it was read from: file, hash and, for a merge, the file's ``info``."""

    split: Split
    sources: list[dict[str, Any]]


def _read_all(request: ConvertRequest) -> list[_Loaded]:
    """Read the source, and join the other datasets to it."""
    splits = _read_source(request.source, request, request.source_format)
    if not request.merge:
        return [_Loaded(split, [_source_entry(request.source, split)]) for split in splits]
    if len(splits) > 1:
        names = counted([split.name for split in splits])
        raise InputError(Problem("--merge", f"{request.source} has the splits {names}", "pick one with --split"))
    parts = [(request.source, splits[0])]
    for other in request.merge:
        found = _read_source(other, replace(request, split=None), None)
        if len(found) > 1:
            found = [split for split in found if split.name == splits[0].name]
        if not found:
            raise InputError(Problem(f"--merge {other}", f"has no split {splits[0].name!r}", "give one file of it"))
        parts.append((other, found[0]))
    sources = [{**_source_entry(path, split), "info": split.annotations.get("info")} for path, split in parts]
    return [_Loaded(_merged(parts), sources)]


def _read_source(source: Path, request: ConvertRequest, format_name: str | None) -> list[Split]:
    if not source.exists():
        raise InputError(Problem(str(source), "no such file or folder", missing_part(source)))
    root = request.image_root
    if root is not None and not root.is_dir():
        raise InputError(Problem(f"--image-root {root}", "no such folder", missing_part(root)))
    found = recognise(source) if format_name is None else get_format(format_name)
    if found.lists_classes and request.classes is not None and source == request.source:
        what = f"{source} lists its classes itself, being {found.name}"
        raise InputError(Problem("--classes", what, "leave it out; --rename and --keep-classes change classes"))
    split = canonical_split(request.split) if request.split else None
    return found.read(source, ReadOptions(split, root, request.classes, request.voc_origin))


def _merged(parts: Sequence[tuple[Path, Split]]) -> Split:
    """Join splits. Where their photos start from different folders, names start from the folder that holds all."""
    roots = [split.image_root.resolve() for _, split in parts]
    notes = [note for _, split in parts for note in split.notes]
    contents = [split.annotations for _, split in parts]
    root = parts[0][1].image_root
    if len(set(roots)) > 1:
        root = Path(os.path.commonpath(roots))
        prefixes = [own.relative_to(root).as_posix() for own in roots]
        contents = [
            content if prefix == "." else prefix_file_names(content, prefix)
            for content, prefix in zip(contents, prefixes, strict=True)
        ]
        notes.append(f"photos lie in different folders: file_name now starts from {root}")
    joined = merge([(str(source), content) for (source, _), content in zip(parts, contents, strict=True)])
    files = tuple(path for _, split in parts for path in split.files)
    return Split(parts[0][1].name, joined, root, files, tuple(notes))


def _edited(loaded: _Loaded, request: ConvertRequest) -> _Loaded:
    annotations = apply_edits(loaded.split.annotations, request.edits)
    if request.renumber and not request.merge:
        # What a file says of itself stays, unlike in a merge of several.
        annotations = {**annotations, **merge([(str(request.source), annotations)])}
    return replace(loaded, split=replace(loaded.split, annotations=annotations))


def _check_contents(splits: Sequence[Split], target: Format) -> None:
    """Check what the target can't take.

    Raises:
        InputError: Splits with different classes, or names that a text file can't hold.
    """
    findings = Findings(target.name)
    names = category_names(splits[0].annotations)
    for split in splits:
        where = split.files[0]
        other = category_names(split.annotations)
        if target.held_keys is not None:
            check_names(other, "class name", where, findings)
            check_names([image["file_name"] for image in split.annotations["images"]], "file_name", where, findings)
            if other != names:
                seen = f"{counted(other, 20)} in {split.name}, {counted(names, 20)} in {splits[0].name}"
                findings.add("splits with different classes", where, seen, "convert each into its own folder")
    findings.check()


def count_losses(contents: Sequence[CocoJson], held_keys: Collection[str]) -> list[str]:
    """List what is lost of all splits together when only boxes, classes and ``held_keys`` of the annotations are kept.

    Empty values don't count, nor an area that is the box's.

    Returns:
        Texts such as ``"segmentation of 12 boxes"``.
    """
    keys = dict.fromkeys(key for content in contents for key in content if key not in ALWAYS_HELD)
    lost = [key for key in keys if any(_says_more(key, content.get(key)) for content in contents)]
    for part, noun in (("images", "image"), ("categories", "category"), ("annotations", "box")):
        counts: Counter[str] = Counter()
        held = {*ALWAYS_HELD[part], *(held_keys if part == "annotations" else ())}
        for entry in chain.from_iterable(content[part] for content in contents):
            counts.update(key for key, value in entry.items() if key not in held and _is_content(key, value, entry))
        lost += [f"{key} of {some(count, noun)}" for key, count in counts.items()]
    return lost


def _says_more(key: str, value: Any) -> bool:
    """Tell whether a key of the whole file says more than where the file is from."""
    return bool(value.keys() - {"sortline"} if key == "info" and isinstance(value, dict) else value)


def _is_content(key: str, value: Any, entry: dict[str, Any]) -> bool:
    if key == "area":
        return own_area(entry) is not None
    if key == "license":
        return value is not None
    if key == "supercategory":
        return value not in (None, "", "none", entry["name"])
    return bool(value)


def _photo_notes(splits: Sequence[Split]) -> list[str]:
    """Say where ``file_name`` starts from, once a folder, and whether photos are there."""
    first = {split.image_root: split.annotations["images"][0]["file_name"] for split in splits}
    return [
        f"photos stay where they are: file_name starts from {root}"
        if not absent_photos(root, [photo])
        else f"no photos in {root}: file_name starts from wherever they are"
        for root, photo in first.items()
    ]


def _with_provenance(loaded: _Loaded, request: ConvertRequest) -> Split:
    """Say in ``info`` which files the content is from and what was changed."""
    split = loaded.split
    info = split.annotations.get("info")
    info = dict(info) if isinstance(info, Mapping) else {}
    entry: dict[str, Any] = {"made_by": "convert", "sources": loaded.sources, "edits": _edit_lines(request)}
    before = info.pop("sortline", None)
    if before is not None:
        entry["before"] = before
    return replace(split, annotations={**split.annotations, "info": {**info, "sortline": entry}})


def _edit_lines(request: ConvertRequest) -> list[str]:
    lines = [f"merge: {', '.join(map(str, request.merge))}"] if request.merge else []
    lines += request.edits.lines()
    return [*lines, "renumber"] if request.renumber else lines


def _source_entry(source: Path, split: Split) -> dict[str, Any]:
    return {"file": str(source), "sha256": hash_files(split.files)}


def hash_files(paths: Sequence[Path]) -> str:
    """Return the SHA-256 of a file; for several, that of the list that ``sha256sum`` prints of them by name."""
    hashes = {path: file_sha256(path) for path in paths}
    if len(paths) == 1:
        return hashes[paths[0]]
    root = Path(os.path.commonpath([path.parent for path in paths]))
    lines = sorted((path.relative_to(root).as_posix(), digest) for path, digest in hashes.items())
    return hashlib.sha256("".join(f"{digest}  {name}\n" for name, digest in lines).encode()).hexdigest()
