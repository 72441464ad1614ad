"""COCO json: one file a split."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path

from sortline.data.annotations import CocoJson, read_annotations
from sortline.data.formats.base import (
    Findings,
    Format,
    Plan,
    ReadOptions,
    Split,
    WriteOptions,
    named_splits,
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


def photos_of(split: Split, folder: str = "") -> dict[str, Path]:
    """Map the place of each photo, its ``file_name`` below ``folder``, to where the photo is."""
    names = [image["file_name"] for image in split.annotations["images"]]
    return {f"{folder}{name}": split.image_root / name for name in names}


def json_text(split: Split) -> str:
    """Print COCO content as json.

    Raises:
        InputError: A key that is no part of COCO holds NaN, infinity or half a character.
    """
    try:
        text = json.dumps(split.annotations, ensure_ascii=False, allow_nan=False)
        text.encode()
    except ValueError as error:
        what = f"holds a value that json can't: {error}"
        raise InputError(Problem(str(split.files[0]), what, "mend it in the file")) from None
    return text


FORMAT = Format("coco", recognises, read, plan, held_keys=None)
