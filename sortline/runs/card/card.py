"""The page of a run, ``card.html`` beside its checkpoints: one file that opens without a network."""

from __future__ import annotations

import os
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import yaml

from sortline.errors import InputError, tool_command
from sortline.files import atomic_write, read_json
from sortline.predictions.bootstrap import Interval
from sortline.reports.numbers import interval_text, some
from sortline.reports.page import page_template
from sortline.reports.theme import Chart
from sortline.runs.card import card_charts as charts
from sortline.runs.card.card_validation import Validation, read_validation
from sortline.runs.leaderboard.board import Entry, add_changes, make_entries
from sortline.runs.leaderboard.found_runs import Run, read_run, runs_beside
from sortline.runs.logged_scalars import Curves, read_curves
from sortline.runs.named_score import label
from sortline.runs.run_folder import CARD, RECORD, run_identity

TEMPLATE = Path(__file__).with_name("card.html.j2")
#: What of the environment is told, by the keys of the record.
FACTS = ("command", "started", "finished", "git", "hardware", "versions", "settings_sha256", "parent_checkpoint")


@dataclass(frozen=True)
class Card:
    """What the page shows.

    Attributes:
        run: The run's record.
        entry: Its row in the leaderboard, with its folds' if it is one of several, and what it changed.
        curves: What it logged.
        charts: Drawn ones, by name.
        validation: None if the run was not tested.
        why_not: Why there is no validation.
        facts: The environment, by topic, in lines of name and value.
        settings: The resolved config as YAML.
    """

    run: Run
    entry: Entry
    curves: Curves
    charts: dict[str, Chart]
    validation: Validation | None
    why_not: str
    facts: dict[str, dict[str, str]]
    settings: str

    @property
    def scores(self) -> list[tuple[str, str]]:
        """The scores, the one that decides first, each with what it is of."""
        run, entry, validation, name = self.run, self.entry, self.validation, label(self.run.deciding_name)
        found: list[tuple[float | None, str]] = []
        if validation is not None:
            images = f"of {some(validation.scores.images, 'validation image')}"
            if validation.deciding:
                found.append((validation.deciding.value, f"{name} {images}{_with_interval(validation.interval)}"))
            elif run.score is not None:
                found.append((run.score, f"{name}, as the record has it"))
            if name != "mAP50":
                found.append((validation.scores.map50, f"mAP50 {images}"))
            found.append((validation.scores.coco["mAP"], "COCO mAP, mean over IoU 0.50 to 0.95"))
        else:
            found.append((run.score, f"{name}, as the record has it"))
        if best := self.curves.best(run.deciding_name, run.falls):
            found.append((best[1], f"best {name} in training, at {_unit(run)} {best[0]}"))
        if entry.folds > 1:
            found.append((entry.cv, f"mean {name} of {entry.folds} folds{_with_interval(entry.interval)}"))
        found += [(entry.oof, f"{name} of the out-of-fold predictions"), (entry.public, "public score")]
        return [(f"{value:.4f}", text) for value, text in found if value is not None]


def write_card(
    folder: str | os.PathLike[str],
    image_root: str | os.PathLike[str] | None = None,
    ann_dir: str | os.PathLike[str] | None = None,
) -> Path:
    """Write the page of a run.

    Args:
        folder: Run folder.
        image_root: Folder that ``file_name`` starts from; by default as the run knew it.
        ann_dir: Where the validation's annotation file is now, if it has been moved since the run.

    Returns:
        The page.

    Raises:
        InputError: The folder holds no run.
    """
    path = Path(folder)
    card = read_card(path, image_root, ann_dir)
    title = run_identity(card.run.config, path.resolve(), "train", card.run.fold)["name"]
    page = page_template(TEMPLATE).render(card=card, title=title)
    with atomic_write(path / CARD) as file:
        file.write(page)
    return path / CARD


def write_card_or_say_why(folder: str | os.PathLike[str]) -> str:
    """Write the page of a run that has ended and return a line on it, or on what was wrong: no run fails for it."""
    try:
        return f"card: {write_card(folder)}"
    except Exception as error:  # the run is done and its files are written; a page is not worth losing that for
        reason = " ".join(str(error).split()) or type(error).__name__
        again = tool_command("tools/make_card.py", folder)
        return f"warning: no card was written: {reason}; try again: {again}"


def read_card(
    folder: Path,
    image_root: str | os.PathLike[str] | None = None,
    ann_dir: str | os.PathLike[str] | None = None,
) -> Card:
    """Collect what the page shows.

    Raises:
        InputError: The folder holds no run.
    """
    run = read_run(folder)
    curves = read_curves(folder)
    validated = charts.draw_validation(curves, run.deciding_name, run.falls, _unit(run))
    drawn = [charts.draw_training(curves), validated]
    validation, why_not = None, ""
    try:
        validation = read_validation(folder, image_root, ann_dir)
    except InputError as error:
        why_not = str(error)
    return Card(
        run=run,
        entry=_row(folder, run),
        curves=curves,
        charts={chart.name: chart for chart in drawn if chart is not None} | (validation.charts if validation else {}),
        validation=validation,
        why_not=why_not,
        facts=environment(read_json(folder / RECORD)),
        settings=yaml.safe_dump(run.settings, sort_keys=False, allow_unicode=True, default_flow_style=None, width=100),
    )


def _with_interval(bounds: Interval | None) -> str:
    return f"; 95% interval {interval_text(bounds, '.3f')}" if bounds else ""


def _unit(run: Run) -> str:
    schedule = run.settings.get("train_cfg")
    return "iteration" if isinstance(schedule, dict) and "max_iters" in schedule else "epoch"


def _row(folder: Path, run: Run) -> Entry:
    """Return the run's row among the runs beside it, or that of the experiment that it is a fold of."""
    own = replace(run, folder=folder.resolve())
    entries, _ = make_entries(own.experiment.parent, runs_beside(own.experiment))
    place = next(place for place, entry in enumerate(entries) if own.folder in [run.folder for run in entry.runs])
    return add_changes(entries, only=entries[place])[place]


def environment(record: dict[str, Any]) -> dict[str, dict[str, str]]:
    """Lay out what a record says of the environment: names and values by topic; what it doesn't say is left out."""
    topics: dict[str, dict[str, str]] = {"run": {}}
    for key in FACTS:
        value = record.get(key)
        if isinstance(value, dict):
            topics[key] = {str(name): _text(item) for name, item in value.items() if item not in (None, "", [])}
        elif value:
            topics["run"][key] = _text(value)
    files = record.get("ann_files")
    for part, file in files.items() if isinstance(files, dict) else ():
        if isinstance(file, dict):
            text = f"{file.get('path')}, SHA-256 {str(file.get('sha256'))[:12]}..."
            topics.setdefault("data", {})[str(part)] = text
    return {topic: lines for topic, lines in topics.items() if lines}


def _text(value: Any) -> str:
    if isinstance(value, list):
        return ", ".join(map(_text, value))
    if isinstance(value, dict):
        return " ".join(map(_text, value.values()))
    return {True: "yes", False: "no"}.get(value, str(value)) if isinstance(value, bool) else str(value)
