"""The leaderboard as a page: one file, a table for each score that decides, sorted by a click, searched by typing."""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path
from urllib.parse import quote

from sortline.errors import Problem
from sortline.reports.page import page_template
from sortline.runs.leaderboard.board import FINISHED, Entry
from sortline.runs.leaderboard.columns import by_score, shown_columns
from sortline.runs.named_score import label
from sortline.runs.run_folder import CARD

TEMPLATE = Path(__file__).with_name("leaderboard_page.html.j2")


def render_page(title: str, entries: Sequence[Entry], problems: Sequence[Problem], page: str | os.PathLike[str]) -> str:
    """Write the page.

    Args:
        title: What was searched.
        entries: The rows, in order.
        problems: What is wrong with run folders that can't be shown.
        page: Where the page will be; links to the runs' cards start from there.
    """
    boards = [
        {
            "label": label(name) or "unknown",
            "entries": group,
            "columns": {key: column for key, column in shown_columns(group).items() if key != "changes"},
            "scale": _scale(group),
            "falls": any(entry.first.falls for entry in group),
        }
        for name, group in by_score(entries).items()
    ]
    return page_template(TEMPLATE).render(
        title=title,
        entries=entries,
        boards=boards,
        problems=[f"{problem.where}: {problem.what}" for problem in problems],
        finished=FINISHED,
        cards={entry.name: link for entry in entries if (link := _card_link(entry, Path(page)))},
    )


def _card_link(entry: Entry, page: Path) -> str:
    """Return where a row's card lies as seen from the page; nothing if it has none."""
    folder = next((run.folder for run in entry.runs if (run.folder / CARD).is_file()), None)
    return quote(os.path.relpath(folder / CARD, page.resolve().parent).replace(os.sep, "/")) if folder else ""


def _scale(entries: Sequence[Entry]) -> tuple[float, float]:
    """Return the scores that the bars of the intervals start and end at."""
    values = [entry.cv for entry in entries if entry.cv is not None]
    values += [end for entry in entries if entry.interval for end in (entry.interval.low, entry.interval.high)]
    low, high = min(values, default=0.0), max(values, default=1.0)
    return (low, high) if high > low else (low - 0.005, high + 0.005)
