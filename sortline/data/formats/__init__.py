"""Annotation formats: each is read into COCO, and planned how to write.

A format is loaded when it is asked for, so that naming the formats costs no import.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from sortline.data.formats.base import Format

#: The module of each format, in which the format has its name in capitals.
MODULES = {"coco": "coco_json", "voc": "voc", "yolo": "yolo", "csv": "csv_table", "roboflow": "coco_json"}
FORMAT_NAMES = tuple(MODULES)


def get_format(name: str) -> Format:
    """Return the format of one of :data:`FORMAT_NAMES`."""
    found: Format = getattr(import_module(f"{__name__}.{MODULES[name]}"), name.upper())
    return found
