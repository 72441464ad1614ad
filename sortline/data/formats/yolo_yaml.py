"""``data.yaml``: the classes and where the photos of each split are."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import yaml

from sortline.data.formats.base import SPLITS, Findings
from sortline.data.photos import photos_below
from sortline.errors import InputError, Problem, counted, nearest
from sortline.files import read_text

FILE_NAMES = ("data.yaml", "data.yml")
OWN_NAME = FILE_NAMES[0]


def find_yaml(source: Path) -> Path | None:
    """Return the yaml that ``source`` is or holds; None if there is none."""
    if source.suffix.lower() in (".yaml", ".yml") and source.is_file():
        return source
    return next((source / name for name in FILE_NAMES if (source / name).is_file()), None)


def load_yaml(path: Path) -> dict[str, Any]:
    """Read a yaml with every value as text, so that a class called ``no`` or ``007`` stays what it is.

    Raises:
        InputError: It is no yaml, or not a mapping.
    """
    try:
        content = yaml.load(read_text(path), Loader=yaml.BaseLoader)
    except (yaml.YAMLError, RecursionError) as error:
        mark = getattr(error, "problem_mark", None)
        where = f"{path}:{mark.line + 1}" if mark else str(path)
        raise InputError(Problem(where, f"is not yaml: {getattr(error, 'problem', None) or error}")) from None
    if not isinstance(content, dict):
        raise InputError(Problem(str(path), "is not a mapping of names to values", "it needs names: and train:"))
    return content


def load_typed(path: Path) -> dict[str, Any]:
    """Read a yaml that :func:`load_yaml` has read, with numbers as numbers."""
    content: dict[str, Any] = yaml.safe_load(read_text(path))
    return content


def class_names(content: Mapping[str, Any], path: Path) -> list[str]:
    """Return the classes in the order of their indices.

    Raises:
        InputError: ``names`` is absent, has gaps or repeats a class, or ``nc`` differs from their number.
    """
    names = content.get("names")
    if names is None:
        raise InputError(Problem(str(path), "no key 'names'", nearest("names", content) or "list the classes there"))
    if isinstance(names, dict):
        wanted = [str(index) for index in range(len(names))]
        if sorted(names) != sorted(wanted):
            what = f"'names' has the indices {counted(list(names), 20)}"
            raise InputError(Problem(str(path), what, f"number the classes from 0 to {len(names) - 1}"))
        names = [names[index] for index in wanted]
    if not isinstance(names, list) or not names or not all(isinstance(name, str) and name.strip() for name in names):
        raise InputError(Problem(str(path), "'names' is not a list of class names"))
    problems = []
    repeated = sorted({name for name in names if names.count(name) > 1})
    if repeated:
        problems.append(Problem(str(path), f"'names' repeats {counted(repeated)}", "list each class once"))
    if "nc" in content and content["nc"] != str(len(names)):
        what = f"'nc' is {content['nc']!r}, but 'names' has {len(names)} classes"
        problems.append(Problem(str(path), what, "make them agree: class indices may be off"))
    if problems:
        raise InputError(problems)
    return names


def split_values(content: Mapping[str, Any], path: Path) -> dict[str, list[str]]:
    """Return where each split's photos are: folders, photos or lists of photos, as written.

    Raises:
        InputError: There is no split, or one is neither a text nor a list of texts.
    """
    found: dict[str, list[str]] = {}
    for split, names in SPLITS.items():
        value = next((content[name] for name in names if content.get(name)), None)
        values = [value] if isinstance(value, str) else value
        if values is None:
            continue
        if not isinstance(values, list) or not all(isinstance(item, str) for item in values):
            raise InputError(Problem(str(path), f"{split!r} is neither a path nor a list of paths"))
        found[split] = values
    if not found:
        raise InputError(Problem(str(path), "names no split", "it needs train:, val: or test: with a folder of photos"))
    return found


def dataset_root(content: Mapping[str, Any], path: Path) -> Path:
    """Return the folder that the splits start from: ``path:`` if it is there, else the yaml's folder."""
    value = content.get("path")
    folder = path.parent / value if isinstance(value, str) and value else path.parent
    return Path(os.path.normpath(folder if os.path.isdir(folder) else path.parent))


def list_photos(values: Sequence[str], root: Path, path: Path, findings: Findings) -> list[Path]:
    """List a split's photos.

    Args:
        values: Folders, which are searched with all below them, photos, or text files with a photo a line.
        root: Folder that they start from.
        path: The yaml, for messages.
        findings: Takes what is absent.
    """
    photos: list[Path] = []
    for value in values:
        place = _resolve(value, root)
        if os.path.isdir(place):
            inside = photos_below(place)
            photos += inside
            if not inside:
                findings.add("a folder without photos", place)
        elif not os.path.isfile(place):
            findings.add("a folder or list of photos that is absent", path, value, f"looked for {place}")
        elif place.suffix.lower() == ".txt":
            photos += _listed(place, root, findings)
        else:
            photos.append(place)
    return list(dict.fromkeys(photos))


def _resolve(value: str, root: Path) -> Path:
    """Return a split's path. Roboflow writes ``../train/images`` for what is ``train/images`` beside the yaml."""
    place, inside = root / value, root / value.removeprefix("../")
    return Path(os.path.normpath(inside if not os.path.exists(place) and os.path.exists(inside) else place))


def _listed(path: Path, root: Path, findings: Findings) -> list[Path]:
    """Read a list of photos; ``./`` is its own folder, as YOLO trainers have it, otherwise the dataset's is tried."""
    photos = []
    for number, line in enumerate(read_text(path).split("\n"), start=1):
        name = line.rstrip("\r")
        if not name.strip():
            continue
        folders = [path.parent] if name.startswith("./") else [root, path.parent]
        found = next((folder / name for folder in folders if os.path.isfile(folder / name)), None)
        if found is None:
            findings.add("names a photo that is absent", f"{path}:{number}", name)
        else:
            photos.append(Path(os.path.normpath(found)))
    return photos


def yaml_text(names: Sequence[str], splits: Mapping[str, str | Sequence[str]], others: Mapping[str, Any]) -> str:
    """Print a ``data.yaml``: the splits, the number and names of the classes, then what else was in it."""
    content = {**splits, "nc": len(names), "names": list(names), **others}
    text: str = yaml.safe_dump(content, sort_keys=False, allow_unicode=True, width=1000)
    return text
