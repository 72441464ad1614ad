"""The checkpoints of a run folder: which to resume, test or average, which to keep; none is loaded for it."""

from __future__ import annotations

import math
import os
import re
import shlex
import zipfile
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from sortline.errors import InputError, Problem
from sortline.files import missing_part

#: Files that name a checkpoint: the newest one, and the best one by its validation score.
LAST, BEST = "last_checkpoint", "best_checkpoint"
#: Checkpoint of a run that was asked to stop in the middle of an epoch.
STOPPED = "stopped.pth"
#: Folder in a run folder for the checkpoints of an earlier run, when another one starts there.
EARLIER = "earlier"
REGULAR = re.compile(r"(epoch|iter)_(\d+)\.pth")
# In the message hub, and so in checkpoints: scores and files of the best ones, files that are to be removed, and
# mmengine's epochs or iterations of the regular ones.
KEPT, OUTDATED, STEPS = "kept_best", "outdated_best", "keep_ckpt_ids"


def keep_best(
    kept: Sequence[tuple[float, str]], new: tuple[float, str], count: int, higher: bool = True
) -> tuple[list[tuple[float, str]], list[str]]:
    """Decide which checkpoints are among the best, of equal scores the earlier ones.

    >>> keep_best([(0.5, "epoch_1"), (0.4, "epoch_2")], (0.45, "epoch_3"), count=2)
    ([(0.5, 'epoch_1'), (0.45, 'epoch_3')], ['epoch_2'])

    Args:
        kept: Score and name of the best ones so far, best first.
        new: The one to judge; a score of NaN is worse than any other.
        count: How many to keep.
        higher: Whether higher scores are better.

    Returns:
        The best ones now, best first, and the names of those that no longer are.
    """
    if math.isnan(new[0]):
        return list(kept), []
    entries = [entry for entry in kept if entry[1] != new[1]] + [new]
    ranked = sorted(entries, key=lambda entry: -entry[0] if higher else entry[0])
    names = {name for _, name in kept}
    return ranked[:count], [name for _, name in ranked[count:] if name in names]


def recall_names(info: Mapping[str, Any], filename_tmpl: str) -> tuple[dict[str, Any], list[str]]:
    """Read what a resumed checkpoint says about the checkpoints of its run, as far as a training can have written it.

    A checkpoint may come from anybody, and training removes, publishes and uploads the files that it names. So only
    numbers of epochs and names of checkpoints count: of a path the last part, and no name that training doesn't give.

    Args:
        info: What the checkpoint's message hub holds.
        filename_tmpl: Name of a regular checkpoint, such as ``"epoch_{}.pth"``.

    Returns:
        What counts of the entries that are about checkpoints, by key: lists, names, scores, or None where nothing does;
        and what was left out, as text for a warning.
    """
    own = re.sub(r"\\{[^{}]*\\}", "[0-9]+", re.escape(filename_tmpl))
    regular = f"(?:{REGULAR.pattern}|{own})"
    best = re.compile(rf"best_[^/\0]+_{regular}")
    saved = re.compile(f"{regular}|{re.escape(STOPPED)}")

    def is_best(name: object) -> bool:
        return isinstance(name, str) and best.fullmatch(name) is not None

    def is_scored(entry: object) -> bool:
        return isinstance(entry, list | tuple) and len(entry) == 2 and _is_number(entry[0]) and is_best(entry[1])

    recalled: dict[str, Any] = {}
    left_out: list[str] = []
    for key, value in info.items():
        if key in (STEPS, OUTDATED) or key.startswith(f"{KEPT}_"):
            counts = is_scored if key.startswith(KEPT) else is_best if key == OUTDATED else _is_step
            entries = value if isinstance(value, list | tuple) else [value]
            recalled[key] = [entry for entry in entries if counts(entry)]
            left_out += [f"{key}: {entry!r:.80}" for entry in entries if not counts(entry)]
            continue
        if re.fullmatch("(best|last)_ckpt(_.+)?", key):
            name = os.path.basename(value) if isinstance(value, str) else ""
            recalled[key] = name if (saved if key.startswith("last") else best).fullmatch(name) else None
        elif re.fullmatch("best_score(_.+)?", key):
            recalled[key] = value if _is_number(value) else None
        else:
            continue
        if recalled[key] is None and value is not None:
            left_out.append(f"{key}: {value!r:.80}")
    return recalled, left_out


def _is_number(value: object) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)


def _is_step(value: object) -> bool:
    return type(value) is int and value >= 0


def find_resume(work_dir: str | os.PathLike[str], given: str | None = None) -> Path:
    """Return the checkpoint that training is to continue from: the one given, else the newest of ``work_dir``.

    The newest is the one that ``last_checkpoint`` names, also after the folder was moved; if it is not there or cut
    short, the latest complete ``epoch_*.pth``, or ``iter_*.pth`` where there is none.

    Raises:
        InputError: There is no such file, or the folder holds no complete checkpoint.
    """
    if given is not None:
        return _existing(given)
    folder = Path(work_dir)
    named = _named_by(folder, LAST)
    if named is not None:
        return named
    regular = _regular_checkpoints(folder)
    complete = next((path for path in regular if is_complete(path)), None)
    if complete is None:
        raise InputError(Problem(str(folder), *_nothing_to_resume(folder, len(regular))))
    return complete


def find_checkpoint(work_dir: str | os.PathLike[str], given: str | None = None) -> Path:
    """Return the checkpoint to test with: the one given, else the best of ``work_dir``, else its last.

    Raises:
        InputError: There is no such file, or the folder has no complete checkpoint.
    """
    if given is not None:
        return _existing(given)
    folder = Path(work_dir)
    best = _best(folder)
    found = best or next((path for path in _regular_checkpoints(folder) if is_complete(path)), None)
    if found is not None:
        return found
    remedy = "train first with the same --work-dir, or name a checkpoint on the command line"
    smoke = folder / "smoke"
    if list(smoke.glob("*.pth")):
        remedy += f"; a smoke run left one: {shlex.join(['--work-dir', str(smoke)])}"
    raise InputError(Problem(str(folder), "holds no checkpoint to test", remedy))


def choose_checkpoints(sources: Sequence[str], last: int | None = None, best: bool = False) -> list[Path]:
    """Return the checkpoints that are meant: files as given, and of run folders the ones asked for.

    Args:
        sources: Checkpoint files and run folders.
        last: Of a folder, its last so many checkpoints, oldest first.
        best: Of a folder, the best by its validation score.

    Raises:
        InputError: A file is absent, a folder holds too few, or nothing says which of a folder's are meant.
    """
    chosen: list[Path] = []
    problems: list[Problem] = []
    if (last is not None or best) and not any(Path(source).is_dir() for source in sources):
        option = "--best" if best else f"--last {last}"
        raise InputError(Problem(option, "chooses among a run folder's checkpoints; files are given", "leave it out"))
    for source in sources:
        try:
            chosen += _of_folder(Path(source), last, best) if Path(source).is_dir() else [_existing(source)]
        except InputError as error:
            problems += error.problems
    if problems:
        raise InputError(problems)
    return chosen


def _of_folder(folder: Path, last: int | None, best: bool) -> list[Path]:
    if best:
        return [find_best(folder)]
    complete = [path for path in _regular_checkpoints(folder) if is_complete(path)]
    if last is None:
        raise InputError(Problem(str(folder), "is a folder", "say which of its checkpoints: --last N or --best"))
    if len(complete) < last:
        keep = f"train with --cfg-options default_hooks.checkpoint.max_keep_ckpts={last}"
        remedy = f"choose --last {len(complete)}, or {keep}" if len(complete) > 1 else f"name a run folder, or {keep}"
        raise InputError(Problem(str(folder), f"holds {len(complete)} complete checkpoints, not {last}", remedy))
    return complete[:last][::-1]


def find_best(folder: Path) -> Path:
    """Return a run's best checkpoint by its validation score.

    Raises:
        InputError: It has none.
    """
    best = _best(folder)
    if best is None:
        raise InputError(Problem(str(folder), "holds no best checkpoint", "train it with validation, or use --last N"))
    return best


def is_best(checkpoint: str | os.PathLike[str]) -> bool:
    """Tell whether a checkpoint is the best one of the folder that it lies in."""
    best = _best(Path(checkpoint).parent)
    return best is not None and best.name == Path(checkpoint).name


def _best(folder: Path) -> Path | None:
    """Return the best checkpoint: the one that is named so, else the newest."""
    best = [path for path in folder.glob("best_*.pth") if is_complete(path)]
    named = _named_by(folder, BEST)
    return named if named in best else max(best, key=lambda path: path.stat().st_mtime, default=None)


def _existing(given: str) -> Path:
    if Path(given).is_dir():
        raise InputError(Problem(given, "is a folder, not a checkpoint", "name one of the .pth files in it"))
    if not Path(given).is_file():
        raise InputError(Problem(given, "no such checkpoint", missing_part(given)))
    return Path(given)


def is_complete(path: str | os.PathLike[str]) -> bool:
    """Tell whether a checkpoint was written to its end: it is a zip file, whose directory comes last."""
    return zipfile.is_zipfile(path)


def set_aside(folder: str | os.PathLike[str]) -> list[str]:
    """Move the checkpoints that a run has left, and what names them, into ``earlier``, and return their names.

    A run that starts in the same folder would be resumed, tested or averaged with them. What lies in ``earlier``
    under the same name is replaced.
    """
    root = Path(folder)
    names = [path.name for path in root.glob("*.pth") if REGULAR.fullmatch(path.name) or path.name.startswith("best_")]
    names = [name for name in (*sorted(names), STOPPED, LAST, BEST) if (root / name).is_file()]
    for name in names:
        (root / EARLIER).mkdir(exist_ok=True)
        os.replace(root / name, root / EARLIER / name)
    return names


def _named_by(folder: Path, pointer: str) -> Path | None:
    """Follow a file that names a checkpoint by its path as seen from where training was started."""
    try:
        name = (folder / pointer).read_text(encoding="utf-8").strip()
        # The file in this folder comes first: a copied folder must not continue from the original's checkpoint.
        candidates = [folder / Path(name).name, Path(name)] if name else []
        return next((path for path in candidates if path.is_file() and is_complete(path)), None)
    except (OSError, ValueError):  # not text, or no name of a file: a machine's crash may leave a file of zeros
        return None


def _regular_checkpoints(folder: Path) -> list[Path]:
    """List the checkpoints written at intervals, latest first: by epoch, then by iteration."""
    found = [(match, path) for path in folder.glob("*.pth") if (match := REGULAR.fullmatch(path.name))]
    found.sort(key=lambda item: (item[0][1] == "epoch", int(item[0][2])), reverse=True)
    return [path for _, path in found]


def _nothing_to_resume(folder: Path, incomplete: int) -> tuple[str, str]:
    """Say why there is nothing to resume, and what to do."""
    if not folder.is_dir():
        return "nothing to resume: no such folder", missing_part(folder)
    if incomplete:
        what = f"nothing to resume: its {incomplete} checkpoint{'s are' if incomplete > 1 else ' is'} cut short"
        return what, "train without --resume to start again"
    remedy = "train without --resume, or name the folder of the run with --work-dir"
    if (folder / EARLIER).is_dir():
        remedy += f"; the checkpoints of an earlier run are in {folder / EARLIER}"
    return "nothing to resume: it holds no checkpoint", remedy
