"""COCO json: one file a split; and Roboflow's layout of it, folders train, valid and test with photos beside the json.

Roboflow's files start at their own folder. Read, ``file_name`` starts at the dataset's folder
(``train/0001.jpg``), so that one image folder serves all splits. Written, a leading ``train/`` is taken off
when all names of the split have it; otherwise names stay as they are and the json says so, for reading back.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from sortline.data.annotations import CocoJson, read_annotations
from sortline.data.formats.base import (
    Findings,
    Format,
    Plan,
    ReadOptions,
    Split,
    WriteOptions,
    named_splits,
    photos_of,
    pick_splits,
    split_files,
    target_of_split,
)
from sortline.errors import InputError, Problem

SUFFIX = ".json"


def recognises(source: Path) -> bool:
    """Tell whether ``source`` is a json file or a folder with ``train.json`` and the like."""
    return bool(named_splits(source, SUFFIX)) if source.is_dir() else source.suffix.lower() == SUFFIX


def read(source: Path, options: ReadOptions) -> list[Split]:
    """Read a COCO json, or the splits in a folder of them.

    Raises:
        InputError: A file is absent or breaks what :func:`read_annotations` checks; all files' problems.
    """
    files = split_files(source, SUFFIX, options.split)
    root = options.image_root or (source if source.is_dir() else source.parent)
    contents = read_coco_files(files, source)
    return [Split(name, contents[name], root, (path,)) for name, path in files.items()]


def read_coco_files(files: dict[str, Path], source: Path) -> dict[str, CocoJson]:
    """Read the COCO json of each split; the problems of all are raised together."""
    findings = Findings(source)
    contents = {}
    for name, path in files.items():
        try:
            contents[name] = read_annotations(path)
        except InputError as error:
            findings.extend(error.problems)
    findings.check()
    return contents


def plan(splits: Sequence[Split], out: Path, options: WriteOptions) -> Plan:
    """Plan ``out`` itself if it ends in ``.json``, else ``out/train.json`` and the like; nothing is lost."""
    root, places = target_of_split(splits, out, SUFFIX)
    made = Plan(root)
    for split in splits:
        made.add_photos(photos_of(split))
        made.add_text(places[split.name], json_text(split))
    return made


def json_text(split: Split) -> str:
    """Print COCO content as json.

    Raises:
        InputError: A key that is not part of COCO holds NaN, infinity or half a character.
    """
    try:
        text = json.dumps(split.annotations, ensure_ascii=False, allow_nan=False)
        text.encode()
    except ValueError as error:
        what = f"holds a value that json can't: {error}"
        raise InputError(Problem(str(split.files[0]), what, "mend it in the file")) from None
    return text


COCO = Format("coco", recognises, read, plan, held_keys=None)


ANNOTATIONS = "_annotations.coco.json"
FOLDERS = {"train": "train", "val": "valid", "test": "test"}
STARTS_AT_SPLIT = "file_name_starts_at_split"


def recognises_roboflow(source: Path) -> bool:
    """Tell whether ``source`` has ``train/_annotations.coco.json`` or that of another split."""
    return bool(named_splits(source, f"/{ANNOTATIONS}"))


def read_roboflow(source: Path, options: ReadOptions) -> list[Split]:
    """Read the splits of a Roboflow export.

    Raises:
        InputError: There is no split, or a file breaks what :func:`read_annotations` checks.
    """
    found = named_splits(source, f"/{ANNOTATIONS}")
    if not found:
        what = f"is not Roboflow's layout: no {ANNOTATIONS} in train, valid or test"
        raise InputError(Problem(str(source), what, "give the folder that holds them"))
    files = pick_splits(found, options.split, source)
    contents = read_coco_files(files, source)
    root = options.image_root or source
    has_root = all(map(_has_root_category, contents.values()))
    return [_roboflow_split(name, files[name], content, root, has_root) for name, content in contents.items()]


def _roboflow_split(name: str, path: Path, content: CocoJson, root: Path, has_root: bool) -> Split:
    folder = path.parent.name
    notes = []
    if has_root:
        first, *others = content["categories"]
        content = {**content, "categories": others}
        notes.append(f"{name}: left out category {first['name']!r}, the group under which Roboflow lists the classes")
    if _starts_at_split(content):
        return Split(name, content, root / folder, (path,), tuple(notes))
    images = [{**image, "file_name": f"{folder}/{image['file_name']}"} for image in content["images"]]
    return Split(name, {**content, "images": images}, root, (path,), tuple(notes))


def _starts_at_split(content: CocoJson) -> bool:
    info = content.get("info")
    ours = info.get("sortline") if isinstance(info, Mapping) else None
    return isinstance(ours, Mapping) and ours.get(STARTS_AT_SPLIT) is True


def _has_root_category(content: CocoJson) -> bool:
    """Tell whether the first category is not a class but the group of all others, as in Roboflow's exports."""
    first, *others = content["categories"]
    grouped = bool(others) and all(other.get("supercategory") == first["name"] for other in others)
    return grouped and all(box["category_id"] != first["id"] for box in content["annotations"])


def plan_roboflow(splits: Sequence[Split], out: Path, options: WriteOptions) -> Plan:
    """Plan a folder a split, with ``_annotations.coco.json`` and photos; nothing is lost."""
    made = Plan(out)
    for split in splits:
        folder = FOLDERS[split.name]
        content = _at_split(split, folder)
        names = (image["file_name"] for image in content["images"])
        sources = photos_of(split).values()
        made.add_photos({f"{folder}/{name}": path for name, path in zip(names, sources, strict=True)})
        made.add_text(f"{folder}/{ANNOTATIONS}", json_text(replace(split, annotations=content)))
    return made


def _at_split(split: Split, folder: str) -> CocoJson:
    """Return the content with file names that start at the split's folder."""
    content = split.annotations
    prefix = f"{folder}/"
    if all(image["file_name"].startswith(prefix) for image in content["images"]):
        images = [{**image, "file_name": image["file_name"].removeprefix(prefix)} for image in content["images"]]
        return {**content, "images": images, "info": _info(content, {})}
    return {**content, "info": _info(content, {STARTS_AT_SPLIT: True})}


def _info(content: CocoJson, ours: dict[str, Any]) -> dict[str, Any]:
    """Return the file's ``info`` with our entry's word on file names renewed."""
    info = content.get("info")
    info = dict(info) if isinstance(info, Mapping) else {}
    before = info.get("sortline")
    kept = before.items() if isinstance(before, Mapping) else ()
    return {**info, "sortline": {**{key: value for key, value in kept if key != STARTS_AT_SPLIT}, **ours}}


ROBOFLOW = Format("roboflow", recognises_roboflow, read_roboflow, plan_roboflow, held_keys=None, needs_photos=True)
