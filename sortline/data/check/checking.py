"""The whole check of annotation files and their photos, and its report as a table and as JSON."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from rich.console import Group
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
from sortline.reports.numbers import some
from sortline.reports.tables import GAP, Table

#: Version of the JSON; raised when a key is removed or changes its meaning, not when one is added.
VERSION = 1
EXAMPLES = 3
STYLES = {Severity.ERROR: "bold red", Severity.WARNING: "yellow", Severity.NOTE: "cyan"}
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
class CheckReport:
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


def check_sources(sources: Sequence[Source], near_threshold: int | None = None) -> CheckReport:
    """Check annotation files, and their photos where these have been read.

    Args:
        sources: The files; the first is the one that the others are compared with.
        near_threshold: Bits of 64 in which the hashes of two photos of one scene may differ; None to leave photos
            alone.
    """
    findings: list[Finding] = []
    for source in sources:
        findings += source.findings()
        findings += [finding for check in CHECKS for finding in check(source)]
    findings += check_between_files(sources)
    if near_threshold is not None:
        # Decoding and hashing photos needs libraries that take longer to load than annotations to check.
        from sortline.data.check.photo_checks import check_copies, check_photos

        findings += [finding for source in sources for finding in check_photos(source)]
        findings += check_copies(sources, near_threshold)
    return CheckReport(list(sources), sorted(findings, key=lambda finding: -finding.severity))


def report_json(report: CheckReport) -> dict[str, Any]:
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
        "findings": [
            {
                "kind": finding.kind,
                "severity": finding.severity.label,
                "file": finding.file,
                "what": finding.what,
                "count": len(finding.places),
                "remedy": finding.remedy,
                "repair": finding.repair,
                "places": [vars(place) for place in finding.places],
            }
            for finding in report.findings
        ],
    }


def report_table(report: CheckReport) -> Group:
    """Return a report as what rich prints: a table of findings for each file, and a line that sums up."""
    parts: list[Any] = []
    for source in report.sources:
        counts = ", ".join(f"{len(source.data[key]):,} {key}" for key in ("images", "annotations", "categories"))
        parts.append(Text.assemble((printable(source.path), "bold"), f": {counts}"))
        rows: list[Any] = []
        for finding in report.findings:
            if finding.file == source.path:
                severity = Text(finding.severity.label, STYLES[finding.severity])
                rows += [(severity, f"{len(finding.places):,}", _cell(finding)), GAP]
        if rows:
            parts.append(Table(("severity", "places", "finding, examples, remedy"), rows[:-1], left=(0, 2)))
        else:
            parts.append(Text("  nothing to report\n", "green"))
    return Group(*parts, summary(report))


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


def summary(report: CheckReport) -> Text:
    """Return one line that counts the findings."""
    counts = {severity: report.count(severity) for severity in reversed(Severity)}
    return Text(", ").join(
        Text(some(number, severity.label), STYLES[severity] if number else "") for severity, number in counts.items()
    )


def printable(text: str) -> str:
    """Return a text fit for one line of a terminal: control characters and half characters as escapes.

    >>> printable("a\\nb")
    'a\\\\nb'
    """
    if text.isprintable():
        return text
    return "".join(letter if letter.isprintable() else letter.encode("unicode_escape").decode() for letter in text)
