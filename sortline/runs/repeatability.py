"""Whether a run can be repeated, and what is not as it was, graded by what it does to the run's numbers."""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

from rich.console import Console

from sortline.errors import InputError, Problem, counted
from sortline.reports.tables import Table
from sortline.runs.conditions import Hardware, Photos
from sortline.runs.git_state import SOURCE_SUFFIXES, GitState
from sortline.runs.recorded_settings import LOST, settings_hash
from sortline.runs.run_folder import RECORD
from sortline.runs.run_record import RunRecord, read_record
from sortline.runs.settings import ABSENT, PLACES
from sortline.secrets import HIDDEN

CHANGES, MAY, HARMLESS = GRADES = ("changes the numbers", "may change them", "harmless")
#: Folders whose code takes no part in training: settings are the recorded ones, not those of configs.
APART = ("benchmarks/", "configs/", "docs/", "tests/", "tools/", "viewer/")
#: What it does to the numbers that a machine's property is another. On a GPU the processor only prepares the images.
ON_CPU = {
    "processes": CHANGES,
    "devices": CHANGES,
    "cpu_capability": CHANGES,
    "cpu": MAY,
    "threads": MAY,
    "cores": HARMLESS,
    "memory_gib": HARMLESS,
    "device_memory_gib": HARMLESS,
    "system": HARMLESS,
}
ON_GPU = {**ON_CPU, "cpu_capability": MAY}


@dataclass(frozen=True)
class Difference:
    """One thing that is not as it was.

    Attributes:
        what: What differs.
        then: How it was.
        now: How it is.
        grade: One of :data:`GRADES`.
        of_data: Whether the run would be fed something else, so that it is not repeated without asking.
    """

    what: str
    then: str
    now: str
    grade: str
    of_data: bool = False


def find_differences(then: RunRecord, now: RunRecord, files: Sequence[str] | None) -> list[Difference]:
    """List all differences between two records of a run, those that change its numbers first.

    Args:
        then: The run's.
        now: The same run's as it would be started now, fully described.
        files: Files of code that differ; None where that is not known.
    """
    found = [*_of_data(then, now), *_of_settings(then), *_of_starts(then), *_of_code(then.git, now.git, files)]
    found += _of_names("version of", then.versions, now.versions, MAY)
    found += _of_hardware(then.hardware, now.hardware)
    found += _of_names("variable", then.variables, now.variables, MAY)
    return sorted(found, key=lambda difference: GRADES.index(difference.grade))


def of_hidden(keys: Sequence[str]) -> list[Difference]:
    """List the settings that a run is repeated without, since their values were hidden."""
    return [Difference(key, HIDDEN, "left out", MAY if PLACES.isdisjoint(key.split(".")) else HARMLESS) for key in keys]


def _of_data(then: RunRecord, now: RunRecord) -> Iterator[Difference]:
    for part in sorted(then.ann_files.keys() | now.ann_files.keys()):
        before, after = (_file_text(record.ann_files.get(part)) for record in (then, now))
        yield from _data_difference(f"{part} annotations", before, after)
    for part in sorted(then.photos.keys() | now.photos.keys()):
        before, after = (_photos_text(record.photos.get(part)) for record in (then, now))
        yield from _data_difference(f"{part} photos", before, after)
    for key in sorted(then.parent_checkpoint.keys() | now.parent_checkpoint.keys()):
        before, after = (_file_text(record.parent_checkpoint.get(key)) for record in (then, now))
        yield from _data_difference(f"weights of {key}", before, after)


def _data_difference(what: str, then: str, now: str) -> Iterator[Difference]:
    """Yield a difference of data; that of the test images takes no part in training."""
    if then != now:
        of_test = what.startswith("test")
        yield Difference(what, then, now, HARMLESS if of_test else CHANGES, of_data=not of_test)


def _file_text(file: Mapping[str, str] | None) -> str:
    return f"SHA-256 {file['sha256'][:12]}" if file else ABSENT


def _photos_text(photos: Photos | None) -> str:
    return f"{photos.count:,} of {photos.bytes:,} bytes ({photos.sha256[:8]})" if photos else ABSENT


def _of_settings(then: RunRecord) -> Iterator[Difference]:
    now = settings_hash(then.settings)
    if then.settings_sha256 != now:
        yield Difference("settings in run.json", then.settings_sha256[:12], f"{now[:12]}, changed since", CHANGES)


def _of_starts(then: RunRecord) -> Iterator[Difference]:
    """Tell that a run went on under other conditions than it began with."""
    codes = {(start.git.commit, start.git.diff_sha256) for start in then.starts}
    settings = {start.settings_sha256 for start in then.starts}
    for name, states in (("code", codes), ("settings", settings)):
        if len(states) > 1:
            yield Difference(f"{name} over its starts", f"{len(states)} in {len(then.starts)} starts", "the last", MAY)


def _of_code(then: GitState, now: GitState, files: Sequence[str] | None) -> Iterator[Difference]:
    if files is None:
        yield Difference("code", _code_text(then), f"{_code_text(now)}: what differs is not known", MAY)
    elif files:
        computes = [name for name in files if name.endswith(SOURCE_SUFFIXES) and not name.startswith(APART)]
        shown = f"{_code_text(now)}: {counted(computes or list(files))}"
        yield Difference("code", _code_text(then), shown, MAY if computes else HARMLESS)
    elif then.commit != now.commit:
        yield Difference("commit", _code_text(then), f"{_code_text(now)}: the same code", HARMLESS)


def _code_text(git: GitState) -> str:
    return f"{git.commit[:8]}{' + changes' if git.dirty else ''}" if git.commit else "(not recorded)"


def _of_names(kind: str, then: Mapping[str, str], now: Mapping[str, str], grade: str) -> Iterator[Difference]:
    for name in sorted(then.keys() | now.keys()):
        before, after = (side.get(name, ABSENT) for side in (then, now))
        if before != after:
            yield Difference(f"{kind} {name}", before, after, grade)


def _of_hardware(then: Hardware, now: Hardware) -> Iterator[Difference]:
    grades = ON_GPU if then.devices and now.devices else ON_CPU
    before, after = asdict(then), asdict(now)
    for name, grade in grades.items():
        if before[name] != after[name]:
            shown = name.replace("_gib", " (GiB)").replace("_", " ")
            yield Difference(shown, _property(before[name]), _property(after[name]), grade)


def _property(value: object) -> str:
    if isinstance(value, list):
        return ", ".join(value) or "none: CPU"
    return str(value) or "(not recorded)"


def print_differences(console: Console, differences: Sequence[Difference]) -> None:
    """Print a table of differences, or that there are none."""
    if not differences:
        console.print("Everything is as it was: code, data, packages, machine.")
        return
    rows = [(item.what, item.then, item.now, item.grade) for item in differences]
    Table(("differs", "then", "now", "so it"), rows, left=range(4)).print(console)


def repeatable_record(folder: str | os.PathLike[str]) -> RunRecord:
    """Return the record of a training run.

    Raises:
        InputError: The folder holds none, or its record lacks what repeating needs.
    """
    record = read_record(folder)
    if record is None:
        raise InputError(Problem(str(folder), f"holds no {RECORD}", "name the folder of a run, such as work_dirs/x"))
    where = os.path.join(folder, RECORD)
    if not record.starts:
        what = "tells of no training: it was tested alone, or trained by a version that recorded less"
        raise InputError(Problem(where, what, "train it again with tools/train.py"))
    if lost := record.settings_types.get(LOST):
        what = f"holds settings that are neither numbers, texts nor lists or dicts of these: {counted(lost)}"
        raise InputError(Problem(where, what, "train from the config file with tools/train.py"))
    return record


def repeat_folder(folder: str | os.PathLike[str], record: RunRecord) -> Path:
    """Name the folder that a run is repeated in unless the user chooses one.

    ``work_dirs/x_repeated`` for ``work_dirs/x``, ``work_dirs/x_repeated/fold_2`` for ``work_dirs/x/fold_2``, so that
    repeated folds are laid out as the folds are.

    Args:
        folder: The run's folder.
        record: Its record.
    """
    path = Path(os.path.abspath(folder))
    path = Path(folder) if path.name == Path(folder).name else path  # "." has a name of its own
    is_part = record.fold is not None or bool(record.settings.get("all_data"))
    if is_part and path.parent.name:
        return path.parent.with_name(f"{path.parent.name}_repeated") / path.name
    return path.with_name(f"{path.name}_repeated")


def check_free(folder: Path) -> None:
    """Make sure that a folder holds no run yet.

    Raises:
        InputError: It does.
    """
    if (folder / RECORD).exists() or list(folder.glob("*.pth")):
        raise InputError(Problem(str(folder), "holds a run already", "choose another --work-dir, or move it away"))
