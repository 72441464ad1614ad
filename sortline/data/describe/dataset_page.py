"""The numbers of a dataset as plain values, and the page that shows them: one file that opens without a network."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from sortline.data.describe import statistics as numbers
from sortline.data.describe.charts import MOST_PANELS, MOST_ROWS
from sortline.data.describe.sheets import Sheet
from sortline.data.describe.split_differences import photo_features
from sortline.data.describe.statistics import BoxTable
from sortline.data.photo_scan import PhotoScan
from sortline.reports.page import page_template
from sortline.reports.theme import Chart


def split_numbers(path: Path, table: BoxTable, scan: PhotoScan) -> dict[str, Any]:
    """Return the numbers of one annotation file and its photos."""
    return {
        "annotation_file": str(path),
        "overview": overview(table),
        "classes": class_rows(table),
        "boxes_per_image": np.bincount(numbers.boxes_per_image(table)).tolist(),
        "images_with_both": images_with_both(table),
        "image_sizes": [{"width": w, "height": h, "images": n} for (w, h), n in numbers.image_sizes(table)],
        "photos": photo_numbers(scan),
    }


def images_with_both(table: BoxTable) -> list[dict[str, Any]]:
    """List the pairs of classes that share an image, with how many they share, the commonest pair first."""
    pairs = np.triu(numbers.co_occurrence(numbers.class_presence(table)), k=1)
    rows, columns = np.nonzero(pairs)
    order = np.argsort(-pairs[rows, columns], kind="stable")
    return [
        {"classes": [table.classes[row], table.classes[column]], "images": int(pairs[row, column])}
        for row, column in zip(rows[order].tolist(), columns[order].tolist(), strict=True)
    ]


def overview(table: BoxTable) -> dict[str, Any]:
    """Return the headline numbers of a file."""
    counts = numbers.boxes_per_image(table)
    (width, height), commonest = numbers.image_sizes(table)[0]
    return {
        "images": len(table.file_names),
        "boxes": len(table.rows),
        "classes": len(table.classes),
        "crowd_regions": table.crowds,
        "boxes_an_image_mean": round(float(counts.mean()), 2),
        "boxes_an_image_median": float(np.median(counts)),
        "boxes_an_image_max": int(counts.max()),
        "images_without_boxes": int((counts == 0).sum()),
        "commonest_size": [width, height],
        "commonest_size_images": commonest,
        "image_sizes": len(numbers.image_sizes(table)),
    }


def class_rows(table: BoxTable) -> list[dict[str, Any]]:
    """Return a row of numbers for each class, the commonest first."""
    boxes, groups = numbers.boxes_per_class(table), numbers.size_counts(table)
    images = numbers.class_presence(table).sum(axis=0)
    sides = numbers.quantiles_by_class(table.sides, table.labels, len(table.classes))
    aspects = numbers.quantiles_by_class(table.aspects, table.labels, len(table.classes))
    return [
        {
            "label": label,
            "name": table.classes[label],
            "boxes": int(boxes[label]),
            "images": int(images[label]),
            **{name: int(count) for name, count in zip(numbers.SIZE_NAMES, groups[label], strict=True)},
            "side_px": _by_quantile(sides[label]),
            "aspect": _by_quantile(aspects[label]),
        }
        for label in numbers.class_order(table, len(table.classes))
    ]


def _by_quantile(values: Any) -> dict[str, float] | None:
    """Name a class's quantiles; None for a class without boxes, since json knows no NaN."""
    if np.isnan(values).any():
        return None
    return {
        f"p{quantile * 100:02.0f}": round(float(v), 3) for quantile, v in zip(numbers.QUANTILES, values, strict=True)
    }


def photo_numbers(scan: PhotoScan) -> dict[str, Any] | None:
    """Return median and quartiles of the photos' measures, and which can't be read; None if no photo can."""
    if not scan.readable.any():
        return None
    quartiles = {
        name: dict(zip(("p25", "p50", "p75"), np.quantile(values, (0.25, 0.5, 0.75)).round(2).tolist(), strict=True))
        for name, values in photo_features(scan).items()
    }
    unreadable = [scan.file_names[row] for row in np.flatnonzero(~scan.readable)]
    return {"readable": int(scan.readable.sum()), "unreadable": unreadable, "measures": quartiles}


TEMPLATE = Path(__file__).with_name("dataset_page.html.j2")
#: The page's sections by their anchors, which findings point to.
SECTIONS = {
    "overview": "Overview",
    "classes": "Classes",
    "counts": "Boxes an image",
    "sizes": "Sizes",
    "shapes": "Shapes",
    "places": "Places",
    "together": "Together in an image",
    "images": "Image sizes",
    "photos": "Photos",
    "test": "Train and test",
    "samples": "Samples",
}
OF_BOXES = ("classes", "counts", "sizes", "shapes", "places", "together")


def render_page(content: Mapping[str, Any], charts: Mapping[str, Chart], sheets: Sequence[Sheet]) -> str:
    """Write the page.

    Args:
        content: The numbers, as :func:`~sortline.data.describe.description.all_numbers` collects them.
        charts: Charts by name; a section whose charts are absent says why or is left out.
        sheets: Sample sheets.
    """
    path = Path(content["annotation_file"])
    has_boxes = content["overview"]["boxes"] > 0
    return page_template(TEMPLATE).render(
        title=f"{path.resolve().parent.name}/{path.name}",
        data=content,
        has_boxes=has_boxes,
        sections={anchor: name for anchor, name in SECTIONS.items() if has_boxes or anchor not in OF_BOXES},
        most_rows=MOST_ROWS,
        most_panels=MOST_PANELS,
        charts=charts,
        class_sheets=[sheet for sheet in sheets if sheet.label is not None],
        other_sheets=[sheet for sheet in sheets if sheet.label is None],
    )
