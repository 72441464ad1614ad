"""What the leaderboard shows of each row, what it can be sorted and filtered by, and the table as text and CSV."""

from __future__ import annotations

import csv
import io
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Any

from sortline.errors import InputError, Problem, nearest
from sortline.reports.tables import Table
from sortline.runs.leaderboard.board import Entry
from sortline.runs.named_score import label

CHANGES_SHOWN = 3


@dataclass(frozen=True)
class Column:
    """One property of a row.

    Attributes:
        header: Above the column.
        value: What it is sorted by and written as in CSV; None where there is nothing.
        text: How the table shows it.
    """

    header: str
    value: Callable[[Entry], Any]
    text: Callable[[Entry], str]


def _number(header: str, value: Callable[[Entry], Any], form: str) -> Column:
    return Column(header, value, lambda entry: "" if value(entry) is None else format(value(entry), form))


def _word(header: str, value: Callable[[Entry], str]) -> Column:
    return Column(header, value, value)


def changes_text(entry: Entry, limit: int = CHANGES_SHOWN) -> str:
    """Say in a line what a row changed."""
    if not entry.parent:
        return ""
    shown = "; ".join(map(str, entry.changes[:limit])) or "nothing"
    more = len(entry.changes) - limit
    return f"{shown}; {more} more" if more > 0 else shown


def interval_text(entry: Entry) -> str:
    """Write the interval of a row's score."""
    return f"{entry.interval.low:.3f} to {entry.interval.high:.3f}" if entry.interval else ""


#: Columns of the table, by the names that ``--sort`` and ``--filter`` know.
SHOWN = {
    "name": _word("run", lambda entry: entry.name),
    "changes": _word("changed", changes_text),
    "cv": _number("score", lambda entry: entry.cv, ".4f"),
    "interval": Column("95% interval", lambda entry: entry.interval.low if entry.interval else None, interval_text),
    "folds": Column("folds", lambda entry: entry.folds, lambda entry: str(entry.folds or "")),
    "oof": _number("OOF", lambda entry: entry.oof, ".4f"),
    "public": _number("public", lambda entry: entry.public, ".4f"),
    "epochs": _number("epochs", lambda entry: entry.epochs, "d"),
    "hours": _number("hours", lambda entry: entry.hours, ".2f"),
    "cost": _number("cost", lambda entry: entry.cost, ".2f"),
    "state": _word("state", lambda entry: entry.state),
    "git": _word("git", lambda entry: entry.git),
}
#: Further properties, in CSV alone.
FURTHER = {
    "interval_high": _number("", lambda entry: entry.interval.high if entry.interval else None, ".4f"),
    "config": _word("", lambda entry: entry.first.config),
    "family": _word("", lambda entry: entry.first.family),
    "dataset": _word("", lambda entry: entry.first.dataset),
    "seed": _number("", lambda entry: entry.first.seed, "d"),
    "started": _word("", lambda entry: entry.started),
    "device": _word("", lambda entry: entry.first.device),
    "dirty": _word("", lambda entry: "yes" if entry.is_dirty else "no"),
    "parent": _word("", lambda entry: entry.parent),
    "score": _word("", lambda entry: entry.deciding_name),
}
COLUMNS = SHOWN | FURTHER
#: Shown although all rows lack it: that there is no score is news.
ALWAYS = ("name", "changes", "cv", "state")
#: Columns of the deciding score: only rows of one name compare in them.
SCORES = ("cv", "interval", "interval_high", "oof")


def select(entries: Sequence[Entry], filters: Sequence[str]) -> list[Entry]:
    """Keep the rows that meet all conditions; capitals don't matter.

    Args:
        entries: The rows.
        filters: ``column=text`` for rows whose column holds the text, or ``text`` for those whose name or config does.

    Raises:
        InputError: There is no such column.
    """
    conditions = [text.partition("=")[::2] if "=" in text else ("", text) for text in filters]
    if problems := [_unknown("--filter", key) for key, _ in conditions if key and key not in COLUMNS]:
        raise InputError(problems)
    kept = []
    for entry in entries:
        anywhere = f"{entry.name} {entry.first.config}"
        texts = [COLUMNS[key].text(entry) if key else anywhere for key, _ in conditions]
        if all(wanted.lower() in text.lower() for text, (_, wanted) in zip(texts, conditions, strict=True)):
            kept.append(entry)
    return kept


def by_score(entries: Sequence[Entry]) -> dict[str, list[Entry]]:
    """Part rows whose scores don't compare, by the name of their score; the name with the most rows comes first.

    Rows of which no name is known stand with these.
    """
    counts = Counter(entry.deciding_name for entry in entries if entry.deciding_name)
    names = [name for name, _ in counts.most_common()] or [""]
    return {
        name: [entry for entry in entries if (entry.deciding_name or names[0]) == name] for name in names if entries
    }


def ordered(entries: Sequence[Entry], key: str, is_reversed: bool = False) -> list[Entry]:
    """Sort the rows: numbers from high to low, words from A to Z, those without last in any case.

    By their scores, rows are ranked within those of the same name, the best first.

    Args:
        entries: The rows.
        key: Name of a column.
        is_reversed: Sort the other way round.

    Raises:
        InputError: There is no such column.
    """
    if key not in COLUMNS:
        raise InputError(_unknown("--sort", key))
    groups = by_score(entries).values() if key in SCORES else [list(entries)]
    return [entry for group in groups for entry in _sorted(group, key, is_reversed)]


def _sorted(entries: Sequence[Entry], key: str, is_reversed: bool) -> list[Entry]:
    value = COLUMNS[key].value
    known = [entry for entry in entries if value(entry) not in (None, "")]
    unknown = [entry for entry in entries if value(entry) in (None, "")]
    is_number = any(isinstance(value(entry), int | float) for entry in known)
    is_falling = is_number and not (key in SCORES and known[0].first.falls)
    known.sort(key=value, reverse=is_falling != is_reversed)
    return [*known, *unknown]


def _unknown(option: str, key: str) -> Problem:
    remedy = nearest(key, COLUMNS) or f"the columns are {', '.join(COLUMNS)}"
    return Problem(option, f"names no column: {key!r}", remedy)


def shown_columns(entries: Sequence[Entry]) -> dict[str, Column]:
    """Return the columns that some row has, under the name of the score that decides the rows."""
    filled = {n: column for n, column in SHOWN.items() if n in ALWAYS or any(column.text(entry) for entry in entries)}
    name = next(iter(by_score(entries)), "")
    return {**filled, "cv": replace(SHOWN["cv"], header=label(name) or SHOWN["cv"].header)}


def tables(entries: Sequence[Entry]) -> list[Table]:
    """Lay the rows out for a terminal, a table for each name of a score; columns that all rows lack are left out."""
    groups = by_score(entries)
    laid_out = []
    for name, group in groups.items():
        columns = shown_columns(group).values()
        headers = [column.header for column in columns]
        title = f"decided by {name}" if len(groups) > 1 else ""
        rows = [[column.text(entry) for column in columns] for entry in group]
        laid_out.append(Table(headers, rows, title, left=(0, 1)))
    return laid_out


def as_csv(entries: Sequence[Entry]) -> str:
    """Write all properties of all rows, numbers in full."""
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(COLUMNS)
    for entry in entries:
        values = {name: column.value(entry) for name, column in COLUMNS.items()}
        values["changes"] = changes_text(entry, len(entry.changes))
        writer.writerow(["" if value is None else value for value in values.values()])
    return text.getvalue()
