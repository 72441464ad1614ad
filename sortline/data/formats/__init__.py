"""Annotation formats: each module reads one into COCO and plans how to write it.

A format is loaded when it is asked for, so that naming the formats costs no import.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from sortline.data.formats.base import Format

MODULES = {"coco": "coco_json", "voc": "voc", "yolo": "yolo", "csv": "csv_table", "roboflow": "roboflow"}
FORMAT_NAMES = tuple(MODULES)


def get_format(name: str) -> Format:
    """Return the format of one of :data:`FORMAT_NAMES`."""
    found: Format = import_module(f"{__name__}.{MODULES[name]}").FORMAT
    return found
