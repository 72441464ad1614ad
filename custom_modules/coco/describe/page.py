"""The page: charts and photos inlined, so that one file holds all and opens without a network."""

from __future__ import annotations

import base64
from collections.abc import Mapping, Sequence
from functools import lru_cache
from pathlib import Path
from typing import Any

import jinja2

from custom_modules.coco.describe.charts import MOST_PANELS, MOST_ROWS
from custom_modules.coco.describe.sheets import Sheet
from custom_modules.coco.describe.theme import Chart
from custom_modules.coco.draw import class_colour

TEMPLATE = Path(__file__).with_name("page.html.j2")
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
        content: The numbers, as :func:`~custom_modules.coco.describe.report.all_numbers` collects them.
        charts: Charts by name; a section whose charts are absent says why or is left out.
        sheets: Sample sheets.
    """
    path = Path(content["annotation_file"])
    has_boxes = content["overview"]["boxes"] > 0
    return _template().render(
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


@lru_cache(maxsize=1)
def _template() -> jinja2.Template:
    """Compile the template. Whatever comes from a dataset is escaped: a class may be called ``<script>``."""
    environment = jinja2.Environment(autoescape=True, undefined=jinja2.StrictUndefined, trim_blocks=True)
    environment.filters["svg_uri"] = lambda svg: _data_uri("image/svg+xml", svg.encode())
    environment.filters["jpeg_uri"] = lambda data: _data_uri("image/jpeg", data)
    environment.filters["count"] = lambda number: f"{number:,}"
    environment.filters["share"] = lambda number: f"{number:.0%}" if number >= 0.1 or number == 0 else f"{number:.1%}"
    environment.filters["measure"] = lambda number: f"{number:,.0f}" if abs(number) >= 100 else f"{number:.3g}"
    environment.filters["swatch"] = lambda label: "#{:02x}{:02x}{:02x}".format(*class_colour(label))
    return environment.from_string(TEMPLATE.read_text(encoding="utf-8"))


def _data_uri(kind: str, data: bytes) -> str:
    return f"data:{kind};base64,{base64.b64encode(data).decode()}"
