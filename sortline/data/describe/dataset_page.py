"""The page: charts and photos inlined, so that one file holds all and opens without a network."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from sortline.data.describe.charts import MOST_PANELS, MOST_ROWS
from sortline.data.describe.sheets import Sheet
from sortline.reports.page import page_template
from sortline.reports.theme import Chart

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
        content: The numbers, as :func:`~sortline.data.describe.describe.all_numbers` collects them.
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
