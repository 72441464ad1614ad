"""Which of several splits validates on images most like those of another file, such as the test set?"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

import numpy as np

from sortline.arrays import BoolArray, IntArray
from sortline.data.describe.split_differences import Difference, compare_scans, compare_tables
from sortline.data.describe.statistics import BoxTable
from sortline.data.photo_scan import PhotoScan
from sortline.progress import track


@dataclass(frozen=True)
class ImageSet:
    """What is known of a file's images.

    Attributes:
        table: The annotation file as columns.
        scan: What the photos say; None where there are none.
    """

    table: BoxTable
    scan: PhotoScan | None


@dataclass(frozen=True)
class Likeness:
    """A choice among seeds.

    Attributes:
        seed: The one whose validation images are most like the other file's; the first of equals.
        gaps: By seed, how far the validation images are from the other file's: the mean, over features and validation
            parts, of the largest gap between two cumulative distributions (Kolmogorov-Smirnov) or between two shares;
            0 is the same, 1 nothing in common.
        differing: Features that differ in at least one comparison.
        same: Features that are the same in all of them.
    """

    seed: int
    gaps: dict[int, float]
    differing: list[str]
    same: list[str]

    @property
    def is_a_choice(self) -> bool:
        """Whether the seeds differ at all in what was compared."""
        return len(set(self.gaps.values())) > 1


def most_like(
    assign: Callable[[int], IntArray], validation: Sequence[int], seeds: Sequence[int], ours: ImageSet, theirs: ImageSet
) -> Likeness:
    """Find the seed whose validation parts are most like another file.

    Args:
        assign: Gives the part of each of our images for a seed, shape ``(N,)``.
        validation: The parts that are validated on.
        seeds: Seeds to try.
        ours: The file that is split.
        theirs: The file to be like.
    """
    gaps: dict[int, float] = {}
    differs: dict[str, bool] = {}
    for seed in track(seeds, "trying seeds"):
        of_image = assign(seed)
        found = [item for part in validation for item in _compare(_subset(ours, of_image == part), theirs)]
        gaps[seed] = round(float(np.mean([item.gap for item in found])), 6)
        for item in found:
            differs[item.feature] = differs.get(item.feature, False) or item.gap > 0
    best = min(gaps, key=lambda seed: gaps[seed])
    return Likeness(
        best, gaps, [name for name in differs if differs[name]], [name for name in differs if not differs[name]]
    )


def _compare(ours: ImageSet, theirs: ImageSet) -> list[Difference]:
    found = compare_tables(ours.table, theirs.table)
    if ours.scan is not None and theirs.scan is not None:
        found += compare_scans(ours.scan, theirs.scan)
    return found


def _subset(images: ImageSet, mask: BoolArray) -> ImageSet:
    """Keep the images that ``mask`` marks."""
    table, scan = images.table, images.scan
    kept = np.flatnonzero(mask)
    on_kept = mask[table.rows]
    position = np.cumsum(mask) - 1
    part = replace(
        table,
        file_names=[table.file_names[row] for row in kept],
        sizes_wh=table.sizes_wh[kept],
        rows=position[table.rows[on_kept]],
        labels=table.labels[on_kept],
        bboxes_xywh=table.bboxes_xywh[on_kept],
    )
    if scan is not None:
        scan = PhotoScan([scan.file_names[row] for row in kept], [scan.problems[row] for row in kept], scan.facts[kept])
    return ImageSet(part, scan)


def describe_choice(likeness: Likeness, like: str, photos_missing: str) -> list[str]:
    """Say in words what was compared and what came of it.

    Args:
        likeness: The choice.
        like: Name of the file to be like.
        photos_missing: Why photos weren't compared; empty where they were.
    """
    without = f"; photos were not compared: {photos_missing}" if photos_missing else ""
    same = f"; the same in both: {', '.join(likeness.same)}" if likeness.same else ""
    if not likeness.is_a_choice:
        compared = ", ".join(likeness.differing + likeness.same)
        return [f"likeness to {like} can't choose among the seeds: {compared} give the same for each{without}"]
    worst = max(likeness.gaps.values())
    return [
        f"compared with {like}: {', '.join(likeness.differing)}{same}{without}",
        f"seed {likeness.seed} is most like it of {len(likeness.gaps)}: mean gap {likeness.gaps[likeness.seed]:.4f}, "
        f"up to {worst:.4f} for others (0 the same, 1 nothing in common)",
    ]
