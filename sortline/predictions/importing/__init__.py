"""Predictions of other frameworks as results on this repository's annotation files."""

from sortline.predictions.importing.detectron2 import read_detectron2
from sortline.predictions.importing.imported import Imported
from sortline.predictions.importing.yolo_json import read_yolo_json
from sortline.predictions.importing.yolo_txt import read_yolo_txt

__all__ = ["Imported", "read_detectron2", "read_yolo_json", "read_yolo_txt"]
