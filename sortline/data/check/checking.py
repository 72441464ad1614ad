"""The whole check of annotation files and their photos, and its report as a table and as JSON."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from rich.console import Group
from rich.padding import Padding
from rich.table import Table
from rich.text import Text

from sortline.data.check.annotation_checks import (
    check_areas,
    check_between_files,
    check_categories,
    check_crowds,
    check_file_names,
    check_numbers_of_boxes,
    check_other_values,
)
from sortline.data.check.box_checks import check_corners, check_outliers, check_overlaps
from sortline.data.check.findings import Finding, Severity
from sortline.data.check.source import Source

CHECKS = (
    check_file_names,
    check_categories,
    check_corners,
    check_areas,
    check_overlaps,
    check_crowds,
    check_outliers,
    check_numbers_of_boxes,
    check_other_values,
)


@dataclass(frozen=True)
class Report:
    """What a check has found.

    Attributes:
        sources: The files, in the order given.
        findings: The worst first; those of equal severity in the order of the files.
    """

    sources: list[Source]
    findings: list[Finding]

    def count(self, severity: Severity) -> int:
        """Count the findings of a severity."""
        return sum(finding.severity == severity for finding in self.findings)

    def fails(self, strict: bool = False) -> bool:
        """Tell whether there are errors; with ``strict``, warnings count as well."""
        return any(finding.severity >= (Severity.WARNING if strict else Severity.ERROR) for finding in self.findings)


def check_sources(sources: Sequence[Source], near_threshold: int | None = None) -> Report:
    """Check annotation files, and their photos where these have been read.

    Args:
        sources: The files; the first is the one that the others are compared with.
        near_threshold: Bits of 64 in which the hashes of two photos of one scene may differ; None to leave photos
            alone.
    """
    findings = [finding for source in sources for finding in _findings_of_one(source)]
    findings += check_between_files(sources)
    if near_threshold is not None:
        # Decoding and hashing photos needs libraries that take longer to load than annotations to check.
        from sortline.data.check.photo_checks import check_copies, check_photos

        findings += [finding for source in sources for finding in check_photos(source)]
        findings += check_copies(sources, near_threshold)
    return Report(list(sources), sorted(findings, key=lambda finding: -finding.severity))


def _findings_of_one(source: Source) -> Iterator[Finding]:
    yield from source.findings()
    for check in CHECKS:
        yield from check(source)


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
