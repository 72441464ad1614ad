"""Several runs, such as one a fold: what each still needs, doing it side by side, and what came of it."""

from __future__ import annotations

import os
import queue
import statistics
import subprocess
import sys
import time
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path

from rich.console import Console

from sortline.errors import InputError, Problem
from sortline.reports.numbers import score_text
from sortline.reports.tables import GAP, Table
from sortline.runs.checkpoints import find_checkpoint, find_resume
from sortline.runs.named_score import COCO_MAP, label
from sortline.runs.run_folder import VAL_PREDICTIONS
from sortline.runs.run_record import TRAINED, RunRecord, read_record
from sortline.runs.settings import difference_in_effect

LOG = "output.log"
LAST_LINES = 5


@dataclass(frozen=True)
class PlannedRun:
    """One of several runs and the commands that do it.

    Attributes:
        name: What tells it from the others, such as ``"fold 0"``.
        folder: Run folder.
        record: What the run would be if it started now.
        train: Arguments of the command that trains, ``--resume`` not among them.
        test: Arguments of the command that scores the validation images and predicts the test images.
    """

    name: str
    folder: Path
    record: RunRecord
    train: Sequence[str]
    test: Sequence[str]


@dataclass(frozen=True)
class Outcome:
    """What became of a run.

    Attributes:
        name: The run's.
        what: What was done: ``"trained"``, ``"resumed"``, ``"tested"``, ``"was done"``, ``"failed"``.
        seconds: How long it took.
        metrics: Of the validation images; empty after a failure.
        deciding_name: The one of them that decides.
        status: Exit status of the command that failed, else 0.
        reason: Why it failed.
    """

    name: str
    what: str
    seconds: float = 0.0
    metrics: dict[str, float] = field(default_factory=dict)
    deciding_name: str = ""
    status: int = 0
    reason: str = ""


def commands_to_do(run: PlannedRun) -> dict[str, Sequence[str]]:
    """List what a run still needs, by what it will have been: ``trained`` or ``resumed``, then ``tested``.

    Raises:
        InputError: The folder holds a run of other settings or other data, which neither counts nor can be resumed.
    """
    found = read_record(run.folder)
    if found is None:
        return {"trained": run.train, "tested": run.test}
    if problems := _differences(run, found):
        raise InputError(problems)
    if found.status != TRAINED:
        try:
            find_resume(run.folder)
        except InputError:  # it ended before its first checkpoint
            return {"trained": run.train, "tested": run.test}
        return {"resumed": [*run.train, "--resume"], "tested": run.test}
    try:
        is_tested = found.tested_checkpoint == find_checkpoint(run.folder).name
    except InputError:  # its checkpoints are gone; the test will say so
        is_tested = False
    return {} if is_tested and (run.folder / VAL_PREDICTIONS).is_file() else {"tested": run.test}


def _differences(run: PlannedRun, found: RunRecord) -> list[Problem]:
    remedy = "name another --work-dir, or move this folder away to train again"
    changed = difference_in_effect(found.settings, run.record.settings)
    problems = [
        Problem(str(run.folder), f"was trained with {key} = {old!r}, now it is {new!r}", remedy)
        for key, old, new in changed
    ]
    for part, now in run.record.ann_files.items():
        if part != "test" and found.ann_files.get(part, {}).get("sha256") != now["sha256"]:
            what = f"was trained with another {part} file than {now['path']} is now"
            problems.append(Problem(str(run.folder), what, remedy))
    return problems


def run_all(runs: Sequence[PlannedRun], jobs: int, gpus: Sequence[str] = ()) -> list[Outcome]:
    """Do what each run still needs; one that fails does not stop the others.

    Args:
        runs: The runs.
        jobs: How many run at the same time. One runs in this terminal; several write to ``output.log`` in
            their run folders.
        gpus: Devices that the jobs share out, as ``CUDA_VISIBLE_DEVICES`` names them; none for a machine without.

    Returns:
        What became of each, in the order of ``runs``.
    """
    slots: queue.SimpleQueue[dict[str, str]] = queue.SimpleQueue()
    for slot in range(jobs):
        slots.put(_job_environment(slot, jobs, gpus))

    def work(run: PlannedRun) -> Outcome:
        environment = slots.get()
        try:
            return _run_one(run, environment, in_terminal=jobs == 1)
        finally:
            slots.put(environment)

    pool = ThreadPoolExecutor(max_workers=jobs)
    try:
        return list(pool.map(work, runs))
    finally:  # after Ctrl-C, which the running commands get as well, no further run starts
        pool.shutdown(cancel_futures=True)


def _job_environment(slot: int, jobs: int, gpus: Sequence[str]) -> dict[str, str]:
    """Give a job its device and its share of the processor cores."""
    environment = dict(os.environ)
    if gpus:
        environment["CUDA_VISIBLE_DEVICES"] = gpus[slot % len(gpus)]
    if jobs > 1:
        environment["OMP_NUM_THREADS"] = str(max(1, len(os.sched_getaffinity(0)) // jobs))
    return environment


def _run_one(run: PlannedRun, environment: dict[str, str], in_terminal: bool) -> Outcome:
    start = time.monotonic()
    done = ""
    try:
        for name, arguments in commands_to_do(run).items():
            done = done or name
            status = _run(arguments, run.folder, environment, in_terminal)
            if status:
                reason = "its message stands above" if in_terminal else _end_of_log(run.folder / LOG)
                return Outcome(run.name, "failed", time.monotonic() - start, status=status, reason=reason)
        record = read_record(run.folder)
    except (InputError, OSError) as error:  # such as a folder that may not be written to
        return Outcome(run.name, "failed", time.monotonic() - start, status=2, reason=str(error))
    measured = (record.metrics, record.deciding_name) if record else ()
    return Outcome(run.name, done or "was done", time.monotonic() - start, *measured)


def _run(arguments: Sequence[str], folder: Path, environment: dict[str, str], in_terminal: bool) -> int:
    command = [sys.executable, *arguments]
    if in_terminal:
        return subprocess.run(command, env=environment, check=False).returncode
    folder.mkdir(parents=True, exist_ok=True)
    with (folder / LOG).open("ab") as log:
        return subprocess.run(command, env=environment, check=False, stdout=log, stderr=log).returncode


def _end_of_log(path: Path) -> str:
    lines = path.read_text(encoding="utf-8", errors="replace").rstrip().splitlines()
    return "\n".join([f"the end of {path}:", *lines[-LAST_LINES:]])


def visible_gpus(environment: dict[str, str], list_gpus: Callable[[], str]) -> list[str]:
    """Name the GPUs to share out: those of ``CUDA_VISIBLE_DEVICES``, else all of the machine.

    Args:
        environment: The environment's variables.
        list_gpus: Returns a line a GPU, as ``nvidia-smi -L`` does, or nothing.
    """
    chosen = environment.get("CUDA_VISIBLE_DEVICES")
    if chosen is not None:
        return [name.strip() for name in chosen.split(",") if name.strip() not in ("", "-1")]
    return [str(index) for index, line in enumerate(list_gpus().splitlines()) if line.startswith("GPU ")]


def nvidia_smi() -> str:
    """List the machine's GPUs, one a line; nothing where there is no driver."""
    try:
        return subprocess.run(["nvidia-smi", "-L"], capture_output=True, text=True, check=False).stdout
    except OSError:
        return ""


def mean_and_deviation(values: Sequence[float]) -> tuple[float, float]:
    """Return mean and standard deviation of a sample; the deviation of one value is not known and given as 0.

    >>> mean_and_deviation([0.5, 0.6, 0.7])
    (0.6, 0.1)
    """
    deviation = statistics.stdev(values) if len(values) > 1 else 0.0
    return round(statistics.fmean(values), 12), round(deviation, 12)


def print_summary(console: Console, outcomes: Sequence[Outcome]) -> None:
    """Print a row a run, then mean and standard deviation over those that are done, then why others failed.

    Each score that decided one of the runs has its column and its mean; only runs that it decided enter that.
    """
    names = list(dict.fromkeys(outcome.deciding_name for outcome in outcomes if outcome.deciding_name))
    shown = list(dict.fromkeys([*names, *(name for out in outcomes for name in out.metrics if name == COCO_MAP)]))
    rows: list[Sequence[str]] = [
        (out.name, out.what, *(score_text(out.metrics.get(name)) for name in shown), f"{out.seconds / 60:.1f}")
        for out in outcomes
    ]
    for name in names:
        decided = [out.metrics[name] for out in outcomes if out.deciding_name == name and name in out.metrics]
        if decided:
            mean, deviation = mean_and_deviation(decided)
            text = f"{mean:.4f} ± {deviation:.4f}" if len(decided) > 1 else f"{mean:.4f}"
            cells = (text if other == name else "" for other in shown)
            rows += [GAP, ("", f"mean of {len(decided)}", *cells, "")]
    Table(("run", "what", *map(label, shown), "minutes"), rows, left=(0, 1)).print(console)
    for outcome in outcomes:
        if outcome.status:
            console.print(f"{outcome.name} failed with status {outcome.status}: {outcome.reason}", markup=False)
