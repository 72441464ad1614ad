"""The files of a split: a COCO json for each part, a table of folds, a report. Other files are not overwritten."""

from __future__ import annotations

import csv
import io
import json
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

from sortline.arrays import BoolArray, IntArray
from sortline.data.annotations import CocoJson
from sortline.data.folding.folds import part_of
from sortline.errors import InputError, Problem, counted
from sortline.files import atomic_write

FOLD_FILE = re.compile(r"fold_\d+_(train|val)\.json")
PROVENANCE = "sortline"

Outputs = dict[Path, Callable[[], str]]


def fold_outputs(
    annotations: CocoJson, of_image: IntArray, out: Path, provenance: dict[str, Any], report: dict[str, Any]
) -> Outputs:
    """List the files of folds, each with what makes its text.

    Args:
        annotations: The file that was split.
        of_image: Fold of each image, shape ``(N,)``.
        out: Folder of ``folds.csv`` and ``folds/``.
        provenance: What each part's ``info`` says of where it comes from; fold and part are added.
        report: Content of ``folds/report.json``.

    Returns:
        By path; the report, which says that all others are there, is the last.
    """
    outputs: Outputs = {}
    for fold in range(int(of_image.max()) + 1):
        for part, mask in (("train", of_image != fold), ("val", of_image == fold)):
            origin = {**provenance, "fold": fold, "part": part}
            outputs[out / "folds" / f"fold_{fold}_{part}.json"] = _part_text(annotations, mask, origin)
    outputs[out / "folds.csv"] = lambda: _csv_text(annotations, of_image)
    outputs[out / "folds" / "report.json"] = lambda: _json_text(report, indent=1)
    return outputs


def holdout_outputs(
    annotations: CocoJson, of_image: IntArray, out: Path, provenance: dict[str, Any], report: dict[str, Any]
) -> Outputs:
    """List the files of a holdout split; arguments as for :func:`fold_outputs`, part 1 is held out."""
    return {
        **{
            out / f"holdout_{part}.json": _part_text(annotations, mask, {**provenance, "part": part})
            for part, mask in (("train", of_image == 0), ("val", of_image == 1))
        },
        out / "holdout_report.json": lambda: _json_text(report, indent=1),
    }


def _part_text(annotations: CocoJson, mask: BoolArray, origin: dict[str, Any]) -> Callable[[], str]:
    def make() -> str:
        info = {**(annotations.get("info") or {}), PROVENANCE: origin}
        return _json_text({**part_of(annotations, mask), "info": info})

    return make


def _json_text(content: Any, indent: int | None = None) -> str:
    separators = (",", ":") if indent is None else None
    return json.dumps(content, ensure_ascii=False, allow_nan=False, indent=indent, separators=separators)


def _csv_text(annotations: CocoJson, of_image: IntArray) -> str:
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(["file_name", "fold"])
    writer.writerows(zip((image["file_name"] for image in annotations["images"]), of_image.tolist(), strict=True))
    return text.getvalue()


def write_outputs(outputs: Outputs, source: Path, overwrite: bool) -> None:
    """Write the files, each whole or not at all; with ``overwrite`` fold files of an earlier, larger split are removed.

    Args:
        outputs: What to write.
        source: The file that was split, which is never overwritten.
        overwrite: Replace files with other content.

    Raises:
        InputError: Files of other content are there and ``overwrite`` is not given; nothing is written.
        OSError: The disk is full, or the folder may not be written to.
    """
    if any(path.resolve() == source.resolve() for path in outputs):
        raise InputError(Problem(str(source), "would be overwritten by a part of itself", "choose another --out"))
    stale = _stale_files(outputs)
    if not overwrite:
        differing = [path for path, make in outputs.items() if path.exists() and _read(path) != _encoded(make())]
        if differing or stale:
            names = counted([path.name for path in [*stale, *differing]])
            what = f"already holds files of another split: {names}"
            raise InputError(Problem(str(next(iter(outputs)).parent), what, "add --overwrite, or give another --out"))
    report = list(outputs)[-1]
    if overwrite:
        report.unlink(missing_ok=True)  # it returns when all files belong together
    for path, make in outputs.items():
        with atomic_write(path, "wb") as file:
            file.write(_encoded(make()))
    for path in stale:
        path.unlink()


def _read(path: Path) -> bytes | None:
    return path.read_bytes() if path.is_file() else None


def _encoded(text: str) -> bytes:
    """Encode as UTF-8; half a surrogate pair, which that can't hold, as the escape that JSON has for it."""
    return text.encode("utf-8", errors="backslashreplace")


def _stale_files(outputs: Outputs) -> list[Path]:
    """List fold files beside the new ones that none of them replaces."""
    folders = {path.parent for path in outputs if FOLD_FILE.fullmatch(path.name)}
    found = [path for folder in folders if folder.is_dir() for path in folder.iterdir()]
    return sorted(path for path in found if FOLD_FILE.fullmatch(path.name) and path not in outputs)
