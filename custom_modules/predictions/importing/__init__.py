"""Predictions of other frameworks as results on this repository's annotation files."""

from custom_modules.predictions.importing.detectron2 import read_detectron2
from custom_modules.predictions.importing.imported import Imported
from custom_modules.predictions.importing.yolo_json import read_yolo_json
from custom_modules.predictions.importing.yolo_txt import read_yolo_txt

__all__ = ["Imported", "read_detectron2", "read_yolo_json", "read_yolo_txt"]
