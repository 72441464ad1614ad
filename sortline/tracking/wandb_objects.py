"""Facts as what wandb shows: charts, and a table of photos with boxes."""

from __future__ import annotations

from typing import Any, Literal

from sortline.data.drawing import Boxes
from sortline.predictions.error_analysis import Confusion
from sortline.predictions.score import RECALLS
from sortline.tracking.facts import Files
from sortline.tracking.validation_facts import Curves, Photos

PHOTO_COLUMNS = ("photo", "group", "image", "annotated", "found")


def wandb_object(fact: Confusion | Curves | Photos) -> Any:
    """Return what ``run.log`` takes for a fact."""
    if isinstance(fact, Confusion):
        return confusion_chart(fact)
    return curves_chart(fact) if isinstance(fact, Curves) else photo_table(fact)


def confusion_chart(confusion: Confusion) -> Any:
    """Make wandb's own chart of a confusion matrix."""
    import wandb

    rows = [
        [actual, predicted, int(count)]
        for actual, counts in zip(confusion.labels, confusion.counts, strict=True)
        for predicted, count in zip(confusion.labels, counts, strict=True)
    ]
    columns = ("Actual", "Predicted", "nPredictions")
    table = wandb.Table(columns=list(columns), data=rows)
    fields = {name: name for name in columns}
    return wandb.plot_table("wandb/confusion_matrix/v1", table, fields, {"title": "confusion at IoU 0.5"})


def curves_chart(curves: Curves) -> Any:
    """Make wandb's own chart of precision-recall curves."""
    import wandb

    rows = [
        [curve.name, round(float(precision), 4), round(float(recall), 2)]
        for curve in curves.curves
        for recall, precision in zip(RECALLS, curve.precisions, strict=True)
    ]
    table = wandb.Table(columns=["class", "precision", "recall"], data=rows)
    fields = {"x": "recall", "y": "precision", "class": "class"}
    titles = {"title": "precision and recall at IoU 0.5", "x-axis-title": "recall", "y-axis-title": "precision"}
    return wandb.plot_table("wandb/area-under-curve/v0", table, fields, titles)


def photo_table(photos: Photos) -> Any:
    """Make a table with a row a photo, whose boxes can be switched on and off and cut by score."""
    import wandb

    table = wandb.Table(columns=list(PHOTO_COLUMNS))
    labels = dict(enumerate(photos.classes))
    for photo in photos.photos:
        layers = {"truth": photo.truth, "predictions": photo.found}
        boxes = {name: {"box_data": _box_data(found, labels), "class_labels": labels} for name, found in layers.items()}
        image = wandb.Image(photo.rgb, boxes=boxes, file_type="jpg")
        surest = [photos.classes[label] for label in photo.found.labels[:5].tolist()]
        table.add_data(photo.name, photo.group, image, len(photo.truth.labels), ", ".join(surest))
    return table


def _box_data(boxes: Boxes, labels: dict[int, str]) -> list[dict[str, Any]]:
    """Describe boxes in pixels, as wandb.data_types.BoundingBoxes2D wants them."""
    rows = []
    for index, (box, label) in enumerate(zip(boxes.boxes_xyxy.tolist(), boxes.labels.tolist(), strict=True)):
        left, top, right, bottom = box
        row = {
            "position": {"minX": left, "maxX": right, "minY": top, "maxY": bottom},
            "domain": "pixel",
            "class_id": label,
            "box_caption": labels[label],
        }
        if boxes.scores is not None:
            score = float(boxes.scores[index])
            row |= {"scores": {"score": score}, "box_caption": f"{labels[label]} {score:.2f}"}
        rows.append(row)
    return rows


def wandb_artifact(files: Files) -> Any:
    """Make an artifact that is not yet logged; files that are absent are left out.

    A checkpoint is not copied: nothing writes to it, and it may hold a gigabyte.
    """
    import wandb

    artifact = wandb.Artifact(files.name, type=files.kind)
    for name, path in files.paths.items():
        if path.is_file():
            # In full: wandb sync may be called from another folder.
            policy: Literal["immutable", "mutable"] = "immutable" if files.kind == "model" else "mutable"
            artifact.add_file(str(path.resolve()), name=name, policy=policy, skip_cache=True)
    return artifact
