"""The whole check: every finding on one or more annotation files and their photos."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

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
