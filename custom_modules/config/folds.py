"""Point a config at one fold's files, and make sure that they belong to its train file."""

from __future__ import annotations

import os
import re
from collections.abc import Sequence
from pathlib import Path

from mmengine.config import Config

from custom_modules.coco.annotations import CocoJson, read_annotations
from custom_modules.errors import InputError, Problem, counted
from custom_modules.files import file_sha256

PARTS = ("train", "val")


def use_fold(cfg: Config, fold: int) -> list[str]:
    """Train on a fold's training part and validate on the other.

    Args:
        cfg: An unbound config; its ``ann_files`` are pointed at the parts, ``fold`` is set.
        fold: Number of the fold.

    Returns:
        A line for the log.

    Raises:
        InputError: The config names no ``fold_files``, the fold's are absent, or they were made from another train
            file than the config's; all problems together.
    """
    template = _template(cfg)
    source = os.path.join(cfg.get("data_root") or "", cfg.ann_files.train)
    names = {part: _file_name(template, fold, part) for part in PARTS}
    paths = {part: os.path.join(cfg.get("data_root") or "", name) for part, name in names.items()}
    absent = [path for path in paths.values() if not Path(path).is_file()]
    if absent:
        remedy = _make_them(source, available_folds(cfg))
        raise InputError([Problem(path, "no such fold file", remedy) for path in absent])
    parts = [read_annotations(path) for path in paths.values()]
    problems = _differences(source, paths, parts)
    if problems:
        raise InputError(problems)
    cfg.ann_files.update(names)
    cfg.fold = fold
    train, val = (len(part["images"]) for part in parts)
    return [f"fold {fold}: {train} images to train on, {val} to validate on ({paths['val']})"]


def available_folds(cfg: Config) -> list[int]:
    """List the folds of which both files are there.

    Raises:
        InputError: The config names no ``fold_files``.
    """
    template = _template(cfg)
    root = Path(cfg.get("data_root") or "")
    pattern = re.escape(Path(_file_name(template, "*", "val")).name).replace(r"\*", r"(\d+)")
    folder = root / Path(template).parent
    found = [re.fullmatch(pattern, path.name) for path in folder.iterdir()] if folder.is_dir() else []
    folds = sorted(int(match[1]) for match in found if match)
    return [fold for fold in folds if (root / _file_name(template, fold, "train")).is_file()]


def _template(cfg: Config) -> str:
    template = cfg.get("fold_files")
    if not template or not (cfg.get("ann_files") or {}).get("train"):
        remedy = 'inherit from a file in configs/_base_/datasets, or write fold_files = "folds/fold_{fold}_{part}.json"'
        raise InputError(Problem("--fold", "this config names no fold_files beside its ann_files.train", remedy))
    return str(template)


def _file_name(template: str, fold: int | str, part: str) -> str:
    return template.replace("{fold}", str(fold)).replace("{part}", part)


def _make_them(source: str, folds: Sequence[int]) -> str:
    if folds:
        return f"there are the folds {', '.join(map(str, folds))}"
    return f"make them: python tools/make_folds.py {source} --folds 5"


def _differences(source: str, paths: dict[str, str], parts: Sequence[CocoJson]) -> list[Problem]:
    """Compare a fold's two parts with each other and with the train file that the config names."""
    again = f"make the folds again: python tools/make_folds.py {source} --overwrite"
    train, val = ({image["file_name"] for image in part["images"]} for part in parts)
    if both := sorted(train & val):
        what = f"{len(both):,} of its images are in {paths['val']} too: {counted(both)}"
        return [Problem(paths["train"], what, "an image that is trained on can't validate: " + again)]
    listed = {image["file_name"] for image in read_annotations(source)["images"]}
    problems = []
    for names, what in (
        (listed - train - val, f"of {source} are in neither part of the fold"),
        ((train | val) - listed, f"of the fold are not in {source}"),
    ):
        if names:
            problems.append(Problem(paths["train"], f"{len(names):,} images {what}: {counted(sorted(names))}", again))
    origins = [((part.get("info") or {}).get("sortline") or {}).get("source_sha256") for part in parts]
    if not problems and any(origins) and set(origins) != {file_sha256(source)}:
        problems.append(Problem(paths["train"], f"was made from another version of {source}", again))
    return problems
