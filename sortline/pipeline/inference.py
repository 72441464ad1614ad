"""Predict photos that belong to no dataset."""

from __future__ import annotations

from pathlib import Path

from mmengine.config import Config, ConfigDict

from sortline.data.annotations import CocoJson, read_annotations
from sortline.data.photo_files import describe_photos, find_photos
from sortline.errors import InputError, Problem
from sortline.files import write_json
from sortline.pipeline.bind import annotation_path, class_names, leaf_datasets
from sortline.predictions.draw_results import draw_results, drawing_places
from sortline.predictions.read import read_results

NOT_FOR_PREDICTION = (
    "train_cfg",
    "train_dataloader",
    "val_cfg",
    "val_dataloader",
    "val_evaluator",
    "optim_wrapper",
    "param_scheduler",
)


def point_at_source(cfg: Config, source: str, data_root: str | None, out: Path) -> None:
    """Make a config's test loader read a photo, a folder of photos or the images of a COCO json.

    Photos are listed in ``<out>/images.json``, which the predictions refer to. Training and validation are taken
    out of the config: none of their files is needed.

    Args:
        cfg: An unbound config, changed in place.
        source: Photo, folder or COCO json.
        data_root: Folder of the images that a COCO json lists; the json's own unless given.
        out: Folder for the results.

    Raises:
        InputError: No photos, unreadable ones, or a config that names no classes.
    """
    if not class_names(cfg):
        raise InputError(Problem(str(cfg.filename), "names no classes", "inherit from a configs/_base_/datasets file"))
    path = Path(source)
    if path.suffix == ".json":
        root, ann_file = Path(data_root or path.parent), path
    else:
        root, ann_file = (path if path.is_dir() else path.parent), out / "images.json"
        write_json(ann_file, describe_photos(find_photos(path), root, class_names(cfg)))
    cfg.data_root = str(root)
    cfg.ann_files = ConfigDict(train=None, val=None, test=str(ann_file.resolve()))
    for key in NOT_FOR_PREDICTION:
        if key in cfg:
            cfg[key] = None
    cfg.default_hooks.submission.submission = False


def check_drawing(cfg: Config, out: Path) -> None:
    """Refuse, before anything is predicted, photos that can't be drawn into a folder.

    Args:
        cfg: The config that is to predict, bound.
        out: Folder for the drawn photos.

    Raises:
        InputError: Two photos would have one drawing, or a drawing would replace a photo.
    """
    annotations, image_root = _photos(cfg)
    drawing_places(annotations, image_root, out)


def draw_predictions(cfg: Config, predictions: str, out: Path, score_thr: float) -> int:
    """Draw every photo with its boxes into a folder.

    Args:
        cfg: The config that predicted.
        predictions: COCO results json.
        out: Folder for the drawn photos, which are named as :func:`drawing_places` says.
        score_thr: Boxes below this score are left out.

    Returns:
        How many photos were drawn.
    """
    annotations, image_root = _photos(cfg)
    return draw_results(annotations, read_results(predictions, annotations), image_root, out, score_thr)


def _photos(cfg: Config) -> tuple[CocoJson, Path]:
    """Read the annotation file of a config's test images, and name the folder of its photos."""
    dataset = next(leaf_datasets(cfg.test_dataloader.dataset))
    prefix = (dataset.get("data_prefix") or {}).get("img") or ""
    return read_annotations(annotation_path(dataset)), Path(dataset.data_root, prefix)
