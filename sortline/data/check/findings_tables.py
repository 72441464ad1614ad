"""A check's findings as a table for people and as JSON for programs."""

from __future__ import annotations

from typing import Any

from rich.console import Group
from rich.padding import Padding
from rich.table import Table
from rich.text import Text

from sortline.data.check.checking import Report
from sortline.data.check.findings import Finding, Severity

#: Version of the JSON; raised when a key is removed or changes its meaning, not when one is added.
VERSION = 1
EXAMPLES = 3
STYLES = {Severity.ERROR: "bold red", Severity.WARNING: "yellow", Severity.NOTE: "cyan"}


def report_json(report: Report) -> dict[str, Any]:
    """Return a report as JSON: every finding with all its places."""
    return {
        "version": VERSION,
        "files": [
            {
                "path": source.path,
                "is_test": source.is_test,
                "images": len(source.data["images"]),
                "annotations": len(source.data["annotations"]),
                "categories": len(source.data["categories"]),
                "photos_read": 0 if source.photos is None else int(source.photos.scan.readable.sum()),
            }
            for source in report.sources
        ],
        "summary": {severity.label: report.count(severity) for severity in reversed(Severity)},
        "findings": [_finding_json(finding) for finding in report.findings],
    }


def _finding_json(finding: Finding) -> dict[str, Any]:
    return {
        "kind": finding.kind,
        "severity": finding.severity.label,
        "file": finding.file,
        "what": finding.what,
        "count": len(finding.places),
        "remedy": finding.remedy,
        "repair": finding.repair,
        "places": [vars(place) for place in finding.places],
    }


def report_table(report: Report) -> Group:
    """Return a report as what rich prints: a table of findings for each file, and a line that sums up."""
    parts: list[Any] = []
    for source in report.sources:
        counts = ", ".join(f"{len(source.data[key]):,} {key}" for key in ("images", "annotations", "categories"))
        parts.append(Text.assemble((printable(source.path), "bold"), f": {counts}"))
        findings = [finding for finding in report.findings if finding.file == source.path]
        parts.append(_table(findings) if findings else Padding(Text("nothing to report", "green"), (0, 0, 0, 2)))
    parts.append(summary(report))
    return Group(*parts)


def _table(findings: list[Finding]) -> Table:
    table = Table(show_header=True, header_style="bold", show_lines=True, expand=True)
    table.add_column("severity", width=8, no_wrap=True)
    table.add_column("places", justify="right", no_wrap=True)
    table.add_column("finding, examples, remedy", ratio=1, overflow="fold")
    for finding in findings:
        severity = Text(finding.severity.label, STYLES[finding.severity])
        table.add_row(severity, f"{len(finding.places):,}", _cell(finding))
    return table


def _cell(finding: Finding) -> Text:
    """Stack what was found, the first places, what to do and what a repair would do."""
    cell = Text.assemble((printable(finding.what), "bold"), f"  [{finding.kind}]")
    for place in finding.places[:EXAMPLES]:
        cell.append(f"\n  {printable(str(place))}", "dim")
    if len(finding.places) > EXAMPLES:
        cell.append(f"\n  and {len(finding.places) - EXAMPLES:,} more", "dim")
    if finding.remedy:
        cell.append(f"\n{printable(finding.remedy)}", "italic")
    if finding.repair:
        cell.append(f"\n--fix: {finding.repair}", "green")
    return cell


def summary(report: Report) -> Text:
    """Return one line that counts the findings."""
    parts = []
    for severity in reversed(Severity):
        number = report.count(severity)
        parts.append((f"{number} {severity.label}{'s' * (number != 1)}", STYLES[severity] if number else ""))
    return Text(", ").join(Text(*part) for part in parts)


def printable(text: str) -> str:
    """Return a text fit for one line of a terminal: control characters and half characters as escapes.

    >>> printable("a\\nb")
    'a\\\\nb'
    """
    if text.isprintable():
        return text
    return "".join(letter if letter.isprintable() else letter.encode("unicode_escape").decode() for letter in text)
