"""Templates of pages that are one file each: they share one look, and open without a network."""

from __future__ import annotations

import base64
from functools import lru_cache
from pathlib import Path

import jinja2
from markupsafe import Markup

from sortline.reports.numbers import measure_text, share_text
from sortline.reports.palette import class_colour

STYLE = Path(__file__).with_name("style.css")


@lru_cache(maxsize=8)
def page_template(path: Path) -> jinja2.Template:
    """Compile a template. Whatever comes from data is escaped: a class may be called ``<script>``.

    Args:
        path: The template; ``{{ style }}`` in it stands for the style sheet of all pages.
    """
    environment = jinja2.Environment(autoescape=True, undefined=jinja2.StrictUndefined, trim_blocks=True)
    environment.globals["style"] = Markup(STYLE.read_text(encoding="utf-8"))
    environment.filters["svg_uri"] = lambda svg: _data_uri("image/svg+xml", svg.encode())
    environment.filters["jpeg_uri"] = lambda data: _data_uri("image/jpeg", data)
    environment.filters["count"] = lambda number: f"{number:,}"
    environment.filters["share"] = share_text
    environment.filters["measure"] = measure_text
    environment.filters["swatch"] = lambda label: "#{:02x}{:02x}{:02x}".format(*class_colour(label))
    return environment.from_string(path.read_text(encoding="utf-8"))


def _data_uri(kind: str, data: bytes) -> str:
    return f"data:{kind};base64,{base64.b64encode(data).decode()}"
