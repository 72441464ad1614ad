"""What tests share beside fixtures: a factory for sound annotation files and the check of a refusal."""

from __future__ import annotations

import json
import subprocess
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[2]
CLASSES = (
    "General trash",
    "Paper",
    "Paper pack",
    "Metal",
    "Glass",
    "Plastic",
    "Styrofoam",
    "Plastic bag",
    "Battery",
    "Clothing",
)


def coco(
    split: str = "train", images: int = 6, boxes: bool = True, width: int = 64, height: int = 48, masks: bool = False
) -> dict[str, Any]:
    """Return a sound COCO file's content: image ``i`` holds one box of class ``i``, modulo three.

    With ``masks``, each box has its own outline as its mask.
    """
    return {
        "images": [
            {"id": index, "file_name": f"{split}/{index:04}.jpg", "width": 64, "height": 48} for index in range(images)
        ],
        "categories": [{"id": index, "name": name} for index, name in enumerate(CLASSES)],
        "annotations": [
            {
                "id": index,
                "image_id": index,
                "category_id": index % 3,
                "bbox": [4.0 + index % 7, 5.0, 30.0, 20.0],
                "area": 600.0,
                "iscrowd": 0,
                **({"segmentation": [_outline(4.0 + index % 7, 5.0, 30.0, 20.0)]} if masks else {}),
            }
            for index in range(images if boxes else 0)
        ],
    }


def _outline(x: float, y: float, width: float, height: float) -> list[float]:
    """Return a box as a polygon: x and y of its corners in turn."""
    return [x, y, x + width, y, x + width, y + height, x, y + height]


def refusal(result: subprocess.CompletedProcess[str]) -> str:
    """Check that a tool refused its input as promised and return its message."""
    assert result.returncode == 2, result.stdout + result.stderr
    assert "Traceback" not in result.stderr, result.stderr
    return result.stderr


def parts_of_fold(content: dict[str, Any], fold: int, folds: int = 3) -> dict[str, dict[str, Any]]:
    """Split a COCO file's content: image ``i`` validates fold ``i`` modulo ``folds``."""
    parts = {}
    for part in ("train", "val"):
        images = [image for row, image in enumerate(content["images"]) if (row % folds == fold) == (part == "val")]
        ids = {image["id"] for image in images}
        boxes = [box for box in content["annotations"] if box["image_id"] in ids]
        parts[part] = {**content, "images": images, "annotations": boxes}
    return parts


def write_folds(root: Path, content: dict[str, Any], folds: int = 3) -> None:
    """Write ``folds/fold_<k>_{train,val}.json`` below a dataset's folder."""
    (root / "folds").mkdir(parents=True, exist_ok=True)
    for fold in range(folds):
        for part, data in parts_of_fold(content, fold, folds).items():
            (root / "folds" / f"fold_{fold}_{part}.json").write_text(json.dumps(data))
