"""YOLO: a text file a photo with a row ``class x_centre y_centre width height`` a box, as parts of the photo's size.

Photos lie in ``images``, the label of ``images/train/0001.jpg`` is ``labels/train/0001.txt``, and ``data.yaml``
names the classes and a list of photos for each split. Twelve decimals are written and pixels are rounded to six
decimals when read, so a round trip gives coordinates of up to six decimals exactly.
"""

from __future__ import annotations

import os
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path, PurePath, PurePosixPath
from typing import Any

from sortline.data.annotations import category_names
from sortline.data.formats.base import (
    SPLITS,
    Findings,
    Format,
    Plan,
    ReadOptions,
    Split,
    WriteOptions,
    photos_of,
    pick_splits,
)
from sortline.data.formats.build import Builder, read_sizes
from sortline.data.formats.yolo_files import (
    FILE_NAMES,
    OWN_NAME,
    boxes_to_rows,
    class_names,
    dataset_root,
    find_yaml,
    list_photos,
    load_typed,
    load_yaml,
    rows_to_boxes,
    split_values,
    yaml_text,
)
from sortline.data.photo_files import IMAGE_SUFFIXES
from sortline.errors import InputError, Problem, counted
from sortline.reports.numbers import some

PHOTOS, LABELS = "images", "labels"
NO_LABELS = ("classes.txt", "labels.txt", "train.txt", "val.txt", "valid.txt", "test.txt")


@dataclass(frozen=True)
class _Dataset:
    """A data.yaml as understood.

    Attributes:
        path: The yaml.
        names: Classes by index.
        root: Folder that the splits start from.
        start: Folder that ``file_name`` starts from.
        photos: Photos of every split, read or not.
    """

    path: Path
    names: list[str]
    root: Path
    start: Path
    photos: dict[str, list[Path]]


def recognises(source: Path) -> bool:
    """Tell whether ``source`` is a yaml file or a folder with ``data.yaml``."""
    return find_yaml(source) is not None


def read(source: Path, options: ReadOptions) -> list[Split]:
    """Read the splits of a ``data.yaml``.

    ``file_name`` starts from the folder ``images`` if all photos lie in it, else from the dataset's folder.
    A photo without label file has no boxes.

    Raises:
        InputError: All that is wrong with the yaml, the labels and the photos, each with file and line.
    """
    findings = Findings(source)
    dataset = _open(source, options, findings)
    chosen = pick_splits(dataset.photos, options.split, dataset.path)
    _check_orphans(dataset, chosen.values(), findings)
    splits = [_read_split(name, photos, dataset, findings) for name, photos in chosen.items()]
    findings.check()
    return splits


def _open(source: Path, options: ReadOptions, findings: Findings) -> _Dataset:
    path = find_yaml(source)
    if path is None:
        raise InputError(Problem(str(source), f"has no {FILE_NAMES[0]}", "it names the classes and the splits"))
    content = load_yaml(path)
    names = class_names(content, path)
    root = Path(os.path.normpath(options.image_root or dataset_root(content, path)))
    photos = {}
    for split, values in split_values(content, path).items():
        # What is wrong with a split that isn't read doesn't matter.
        taker = findings if options.split in (None, split) else Findings(path)
        photos[split] = list_photos(values, root, path, taker)
    start = _start([photo for listed in photos.values() for photo in listed], root)
    return _Dataset(path, names, root, start, photos)


def _start(photos: Sequence[Path], root: Path) -> Path:
    """Return the folder that file names start from."""
    for folder in (root / PHOTOS, root):
        if all(photo.is_relative_to(folder) for photo in photos):
            return folder
    return Path(os.path.commonpath([photo.parent.absolute() for photo in photos]))


def _read_split(name: str, photos: Sequence[Path], dataset: _Dataset, findings: Findings) -> Split:
    builder = Builder(findings)
    polygons = unlabelled = 0
    files = [dataset.path]
    for photo, size_wh in zip(photos, read_sizes(photos, findings), strict=True):
        file_name = photo.absolute().relative_to(dataset.start.absolute()).as_posix()
        image = builder.add_image(file_name, size_wh, photo)
        label = label_of(photo, dataset.root)
        if not label.is_file():
            unlabelled += 1
            continue
        files.append(label)
        boxes, from_polygons = rows_to_boxes(label, size_wh, dataset.names, findings)
        polygons += from_polygons
        for class_name, bbox_xywh, where in boxes:
            builder.add_box(image, class_name, bbox_xywh, where)
    notes = [f"{name}: {some(polygons, 'polygon')} turned into their boxes"] if polygons else []
    if unlabelled:
        notes.append(f"{name}: {some(unlabelled, 'photo')} without label file, taken as photos without boxes")
    return Split(name, builder.finish(dataset.names, str(dataset.path)), dataset.start, tuple(files), tuple(notes))


def label_of(photo: Path, root: Path) -> Path:
    """Return the label file of a photo: in ``labels`` for the last folder ``images`` on its way, else beside it."""
    if not photo.is_relative_to(root):
        return Path(_label_place(photo))
    return root / _label_place(photo.relative_to(root))


def _label_place(photo: PurePath) -> PurePath:
    parts = list(photo.parts)
    folders = [index for index, part in enumerate(parts[:-1]) if part == PHOTOS]
    if folders:
        parts[folders[-1]] = LABELS
    return type(photo)(*parts).with_suffix(".txt")


def _check_orphans(dataset: _Dataset, chosen: Iterable[Sequence[Path]], findings: Findings) -> None:
    """Report label files whose photo is absent, in the folders of the chosen splits' labels."""
    photos = [photo for listed in chosen for photo in listed]
    beside = {
        label_of(item, dataset.root)
        for folder in {photo.parent for photo in photos if photo.parent.is_dir()}
        for item in folder.iterdir()
        if item.suffix.lower() in IMAGE_SUFFIXES
    }
    known = beside | {label_of(photo, dataset.root) for photo in photos}
    for folder in sorted({label_of(photo, dataset.root).parent for photo in photos}):
        for label in sorted(folder.glob("*.txt")):
            if label not in known and label.name not in NO_LABELS and not label.name.startswith(("README", ".")):
                findings.add("a label file without a photo", label, remedy="bring the photo, or remove the label file")


def plan(splits: Sequence[Split], out: Path, options: WriteOptions) -> Plan:
    """Plan ``data.yaml``, a list of photos a split, ``labels`` and ``images`` below ``out``.

    Folders of ``file_name`` are mirrored. A ``data.yaml`` that is there keeps its other splits.

    Raises:
        InputError: ``data.yaml`` of other classes lies there, or two photos would share a label file.
    """
    names = category_names(splits[0].annotations)
    made = Plan(out, shared={OWN_NAME})
    lists = {}
    for split in splits:
        made.add_photos(photos_of(split, f"{PHOTOS}/"))
        _add_labels(split, made)
        lines = [f"./{PHOTOS}/{image['file_name']}\n" for image in split.annotations["images"]]
        lists[split.name] = "".join(lines)
    for name, text in lists.items():
        made.add_text(f"{name}.txt", text)
    places, others = _existing(out / OWN_NAME, names, list(lists), options.overwrite)
    places.update({name: f"{name}.txt" for name in lists})
    made.add_text(OWN_NAME, yaml_text(names, places, others))
    if "val" not in places:
        made.notes.append("data.yaml has no val yet, which YOLO trainers ask for: convert it into the same --out")
    return made


def _add_labels(split: Split, made: Plan) -> None:
    """Plan the label files of a split.

    Raises:
        InputError: Two photos differ in suffix only.
    """
    annotations = split.annotations
    labels, notes = boxes_to_rows(annotations)
    made.notes += [f"{split.name}: {note}" for note in notes]
    taken: dict[str, str] = {}
    findings = Findings(", ".join(map(str, split.files[:1])))
    for image in annotations["images"]:
        place = str(_label_place(PurePosixPath(PHOTOS, image["file_name"])))
        if place in taken:
            seen = f"{taken[place]} and {image['file_name']}"
            findings.add("two photos that would share a label file", findings.where, seen, "rename one of them")
            continue
        taken[place] = image["file_name"]
        made.add_text(place, labels[image["id"]])
    findings.check()


def _existing(
    path: Path, names: Sequence[str], splits: Sequence[str], overwrite: bool
) -> tuple[dict[str, Any], dict[str, Any]]:
    """Read what a ``data.yaml`` that is there says: its splits, and what else is in it beside the classes.

    Raises:
        InputError: It has other classes, or one of ``splits`` already.
    """
    if not path.is_file():
        return {}, {}
    content = load_yaml(path)
    listed = class_names(content, path)
    if listed != list(names):
        what = f"has other classes: {counted(listed, 20)}; these are {counted(names, 20)}"
        remedy = "choose another --out; --rename or --keep-classes make them agree"
        raise InputError(Problem(str(path), what, remedy))
    if dataset_root(content, path).resolve() != path.parent.resolve():
        what = f"starts its splits from {content['path']!r}, not from its own folder"
        raise InputError(Problem(str(path), what, "choose another --out, or remove the key 'path'"))
    again = [name for name in splits if name in content]
    if again and not overwrite:
        what = f"has the split {counted(again)} already"
        raise InputError(Problem(str(path), what, "choose another --split or --out, or add --overwrite"))
    others = {key: value for key, value in load_typed(path).items() if key not in (*SPLITS, "nc", "names")}
    return {key: content[key] for key in SPLITS if key in content}, others


YOLO = Format("yolo", recognises, read, plan, held_keys=frozenset(), needs_photos=True)
