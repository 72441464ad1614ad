"""What a submission holds, in numbers and in words."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class SubmissionSummary:
    """What a submission file holds.

    Attributes:
        rows: Images, each a row below the header.
        boxes: Boxes in all rows.
        images_without_boxes: Rows with an empty string.
        file_size: Bytes.
    """

    rows: int
    boxes: int
    images_without_boxes: int
    file_size: int

    def __str__(self) -> str:
        counts = f"{some(self.rows, 'image')}, {some(self.boxes, 'box', 'boxes')}"
        return f"{counts}, {some(self.images_without_boxes, 'image')} without boxes, {shown_size(self.file_size)}"


def shown_size(size: int) -> str:
    """Print a number of bytes.

    >>> shown_size(20_123_456), shown_size(4_871)
    ('20.1 MB', '4,871 bytes')
    """
    return f"{size / 1e6:.1f} MB" if size >= 1e5 else f"{size:,} bytes"


def some(count: int, noun: str, plural: str = "") -> str:
    """Print a count with its noun.

    >>> some(1, "box", "boxes"), some(4871, "image")
    ('1 box', '4,871 images')
    """
    return f"{count:,} {noun if count == 1 else plural or noun + 's'}"
