"""What is compared: run folders, folds, out-of-fold predictions or results files, all on the same images."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from sortline.data.annotations import CocoJson, read_annotations
from sortline.errors import InputError, Problem, counted
from sortline.files import file_sha256, given_twice, missing_part
from sortline.predictions.evaluation import short_names
from sortline.predictions.matching import Matches, Truth, match
from sortline.predictions.read import read_predictions
from sortline.predictions.results import Results, with_true_labels
from sortline.progress import track
from sortline.runs.oof import by_ids_of, collect_oof
from sortline.runs.run_folder import OOF_PREDICTIONS, fold_folders
from sortline.runs.run_record import RunRecord, read_record
from sortline.runs.validated import finished_record, read_validated


@dataclass(frozen=True)
class Part:
    """Images that one training was validated on, and what it found on them.

    Attributes:
        fold: Number of the fold; None for a single run or a file.
        where: The annotation file, as shown to the user.
        sha256: Of that file.
        matches: Detections on its images, matched, without images whose labels are predicted.
        image_root: Folder that ``file_name`` starts from, as the run knew it; None if nothing says so.
    """

    fold: int | None
    where: str
    sha256: str
    matches: Matches
    image_root: Path | None = None

    @property
    def annotations(self) -> CocoJson:
        """The annotation file's content, without images whose labels are predicted."""
        return self.matches.truth.annotations

    @property
    def results(self) -> Results:
        """The detections, by that file's ids."""
        return self.matches.results


@dataclass(frozen=True)
class Candidate:
    """One of the runs to compare.

    Attributes:
        name: What tells it from the others.
        source: Run folder or file, as given.
        parts: By rising number of the fold; a single one for what has no folds.
        deciding_name: The metric that chose its checkpoints; empty for a file of predictions.
    """

    name: str
    source: str
    parts: tuple[Part, ...]
    deciding_name: str = ""


@dataclass(frozen=True)
class NamedTruth:
    """The annotation file named on the command line, read once."""

    where: str
    sha256: str
    annotations: CocoJson


def read_candidates(
    sources: Sequence[str],
    ann_file: str | None = None,
    folds: Sequence[int] | None = None,
    folds_dir: str | None = None,
) -> list[Candidate]:
    """Read what is to be compared.

    A run folder gives its validation predictions, those of its folds where it has some. With an annotation file it
    gives its out-of-fold predictions instead, unless that is the file which the run itself was validated on.

    Args:
        sources: Run folders, results files (COCO json) or submissions (CSV), at least two.
        ann_file: Annotation file of results files and out-of-fold predictions.
        folds: Compare these folds alone.
        folds_dir: Where the folds' annotation files are now, if they have been moved since the runs.

    Raises:
        InputError: Something can't be read or is not finished; all problems together.
    """
    if twice := given_twice(sources):
        raise InputError([Problem(source, "is given twice", "give each run once") for source in twice])
    truth = None
    if ann_file is not None:
        truth = NamedTruth(ann_file, _sha256(ann_file), read_annotations(ann_file))
    found: list[Candidate] = []
    problems: list[Problem] = []
    for source, name in zip(track(sources, "reading"), short_names(sources), strict=True):
        try:
            parts = _read_parts(Path(source), truth, folds, folds_dir)
            found.append(Candidate(name, source, parts, _deciding_name(Path(source))))
        except InputError as error:
            problems += error.problems
    if problems:
        raise InputError(problems)
    return found


def _deciding_name(source: Path) -> str:
    """Name the metric that chose a run's checkpoints, of folds the first one's."""
    if not source.is_dir():
        return ""
    records = map(read_record, (source, *fold_folders(source).values()))
    return next((record.deciding_name for record in records if record is not None), "")


def _sha256(path: str) -> str:
    """Hash a file; one that can't be read is reported when its content is."""
    return file_sha256(path) if Path(path).is_file() else ""


def _read_parts(
    source: Path, truth: NamedTruth | None, folds: Sequence[int] | None, folds_dir: str | None
) -> tuple[Part, ...]:
    if source.is_dir():
        runs = fold_folders(source)
        if folds is not None and not runs:
            raise InputError(Problem(str(source), "has no folds to choose from", "leave --folds out"))
        if truth is not None:
            own = _was_validated_on(source, truth)
            return (_read_run(source, None, folds_dir) if own else _out_of_fold(source, truth, folds_dir),)
        return _read_folds(source, runs, folds, folds_dir) if runs else (_read_run(source, None, folds_dir),)
    if not source.exists():
        raise InputError(Problem(str(source), "no such run folder or file", missing_part(source)))
    if truth is None:
        what = "is a file, and nothing says which photos it is of"
        raise InputError(Problem(str(source), what, "name the annotation file with --ann"))
    return (_part_on(truth, read_predictions(source, truth.annotations)),)


def _was_validated_on(folder: Path, truth: NamedTruth) -> bool:
    record = read_record(folder)
    return record is not None and record.ann_files.get("val", {}).get("sha256") == truth.sha256


def _out_of_fold(folder: Path, truth: NamedTruth, folds_dir: str | None) -> Part:
    """Take a run's collected out-of-fold predictions, or collect them."""
    path = folder / OOF_PREDICTIONS
    if path.is_file():
        results = read_predictions(path, truth.annotations)
    elif fold_folders(folder):
        results, _ = collect_oof(folder, truth.annotations, truth.where, folds_dir)
    else:
        what = f"has no predictions on {truth.where}: it has no folds and was validated on another file"
        raise InputError(Problem(str(folder), what, "leave out --ann to compare on the run's own validation images"))
    return _part_on(truth, results)


def _part_on(named: NamedTruth, results: Results) -> Part:
    annotations, results, _ = with_true_labels(named.annotations, results)
    return Part(None, named.where, named.sha256, match(Truth.of(annotations), results))


def _read_folds(
    folder: Path, runs: dict[int, Path], folds: Sequence[int] | None, folds_dir: str | None
) -> tuple[Part, ...]:
    parts: list[Part] = []
    problems: list[Problem] = []
    for fold in sorted(runs if folds is None else folds):
        try:
            parts.append(_read_run(runs.get(fold, folder / f"fold_{fold}"), fold, folds_dir))
        except InputError as error:
            problems += error.problems
    if problems:
        raise InputError(problems)
    return tuple(parts)


def _read_run(folder: Path, fold: int | None, folds_dir: str | None) -> Part:
    record = finished_record(folder, fold)
    read = read_validated(folder, record, folds_dir)
    sha256 = record.ann_files["val"]["sha256"]
    return Part(record.fold, str(read.ann_file), sha256, read.matches, photos_of(record))


def photos_of(record: RunRecord, part: str = "val") -> Path | None:
    """Say where a run read its photos from; None if its settings don't tell.

    Args:
        record: The run's.
        part: ``"val"`` or ``"test"``.
    """
    loader = record.settings.get(f"{part}_dataloader") or {}
    dataset: Any = loader.get("dataset") if isinstance(loader, dict) else None
    if not isinstance(dataset, dict):
        return None
    prefix = (dataset.get("data_prefix") or {}).get("img", "")
    return Path(str(dataset.get("data_root") or ""), str(prefix))


def on_the_same_images(candidates: Sequence[Candidate]) -> list[Candidate]:
    """Make sure that all were validated on the same photos with the same annotations.

    Files of the same bytes are the same. Others are when they list the same photos by ``file_name``, and the same
    classes and boxes: ids and order don't matter.

    Returns:
        The candidates, with detections by the ids of the first one's files.

    Raises:
        InputError: They were not; what differs, for each of them.
    """
    first = candidates[0]
    aligned = [first]
    problems: list[Problem] = []
    for candidate in candidates[1:]:
        if problem := _other_folds(first, candidate):
            problems.append(problem)
            continue
        parts = []
        for ours, theirs in zip(first.parts, candidate.parts, strict=True):
            if ours.sha256 == theirs.sha256:
                parts.append(theirs)
            elif what := _data_difference(ours, theirs):
                problems.append(_not_the_same(first, candidate, theirs, what))
            else:
                results = by_ids_of(ours.annotations, theirs.annotations, theirs.results)
                parts.append(replace(theirs, matches=match(ours.matches.truth, results)))
        aligned.append(replace(candidate, parts=tuple(parts)))
    if problems:
        raise InputError(problems)
    return aligned


def _other_folds(first: Candidate, candidate: Candidate) -> Problem | None:
    ours, theirs = ([part.fold for part in entry.parts] for entry in (first, candidate))
    if ours == theirs or len(ours) == len(theirs) == 1:
        return None
    what = f"has {_named(theirs)}, {first.name} has {_named(ours)}"
    shared = sorted({fold for fold in ours if fold is not None} & {fold for fold in theirs if fold is not None})
    remedy = "compare their out-of-fold predictions: --ann TRAIN.json"
    if shared:
        remedy = f"train the missing folds, or compare those that both have: --folds {' '.join(map(str, shared))}"
    return Problem(candidate.source, what, remedy)


def _named(folds: Sequence[int | None]) -> str:
    return "no folds" if folds == [None] else f"folds {', '.join(map(str, folds))}"


def _not_the_same(first: Candidate, candidate: Candidate, part: Part, what: str) -> Problem:
    place = candidate.source if part.fold is None else f"{candidate.source} (fold {part.fold})"
    remedy = (
        "scores on other photos or boxes don't compare: test both on one file, with --fold and the same folds, or with "
        "ann_files=dict(val=...)"
    )
    return Problem(place, f"was validated on other data than {first.name}: {what}", remedy)


def _data_difference(ours: Part, theirs: Part) -> str:
    """Name what two annotation files differ in: photos, else classes, else boxes; an empty string for nothing."""
    names = [{image["file_name"] for image in part.annotations["images"]} for part in (ours, theirs)]
    here, there = names[1] - names[0], names[0] - names[1]
    if here or there:
        listed = [
            f"{len(only):,} photos only {where}, such as {min(only)}"
            for only, where in ((here, f"in {theirs.where}"), (there, f"in {ours.where}"))
            if only
        ]
        return "; ".join(listed)
    classes = [{category["name"] for category in part.annotations["categories"]} for part in (ours, theirs)]
    if classes[0] != classes[1]:
        return f"other classes: {counted(sorted(classes[0] ^ classes[1]))}"
    boxes = [_boxes_by_photo(part.annotations) for part in (ours, theirs)]
    changed = sorted(name for name in names[0] if boxes[0].get(name) != boxes[1].get(name))
    if changed:
        return f"the same photos with other boxes on {len(changed):,} of them: {counted(changed)}"
    return ""


def _boxes_by_photo(annotations: CocoJson) -> dict[str, list[tuple[Any, ...]]]:
    """List each photo's boxes by its name, in an order of their own."""
    names = {image["id"]: image["file_name"] for image in annotations["images"]}
    classes = {category["id"]: category["name"] for category in annotations["categories"]}
    boxes: dict[str, list[tuple[Any, ...]]] = {}
    for row in annotations["annotations"]:
        box = (classes[row["category_id"]], *map(float, row["bbox"]), bool(row.get("iscrowd", 0)))
        boxes.setdefault(names[row["image_id"]], []).append(box)
    return {name: sorted(rows) for name, rows in boxes.items()}
