"""Test-time augmentation: any detector on several views of a photo, whose boxes are fused."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import torch
from mmdet.registry import MODELS
from mmengine.model import BaseTTAModel
from mmengine.structures import InstanceData
from torch import nn

from sortline.arrays import FloatArray
from sortline.errors import InputError, Problem
from sortline.predictions.detections import image_detections
from sortline.predictions.ensembling.ensemble_settings import EnsembleSettings
from sortline.predictions.results import Results


@MODELS.register_module()
class WBFTTAModel(BaseTTAModel):
    """Runs a detector on each view in turn and merges the results by Weighted Boxes Fusion.

    The views are members of an ensemble with equal weights. mmdet's ``DetTTAModel`` concatenates the boxes and applies
    NMS; this class averages them. By default a fused box has the score of its best view: duplicates that the detector's
    own NMS has left are fused too, and their low scores would lower an average. Instance masks are not merged.

    Args:
        module: The detector.
        data_preprocessor: Used for the detector if it has none; mmengine's Runner passes the config's.
        iou_thr: IoU above which boxes of a class belong to the same object.
        skip_box_thr: Boxes of a view with a lower score are not used.
        conf_type: How a fused box is scored, as in :class:`EnsembleSettings`.
        max_per_image: Maximum number of boxes of a photo, by score; None for all.

    Raises:
        InputError: A setting is invalid.
    """

    def __init__(
        self,
        module: dict[str, Any] | nn.Module,
        data_preprocessor: dict[str, Any] | None = None,
        iou_thr: float = 0.55,
        skip_box_thr: float = 0.0001,
        conf_type: str = "max",
        max_per_image: int | None = None,
    ) -> None:
        if isinstance(module, dict) and data_preprocessor is not None:
            module.setdefault("data_preprocessor", data_preprocessor)
        super().__init__(module)
        self.settings = EnsembleSettings(
            iou_thr=iou_thr, skip_box_thr=skip_box_thr, conf_type=conf_type, max_per_image=max_per_image
        )

    def state_dict(self, *args: Any, **kwargs: Any) -> dict[str, torch.Tensor]:
        """Return the detector's weights under its own names, so that its checkpoints fit."""
        state: dict[str, torch.Tensor] = self.module.state_dict(*args, **kwargs)
        return state

    def val_step(self, data: Any) -> list[Any]:
        """Do what :meth:`test_step` does; mmengine's class can only test."""
        return self.test_step(data)

    def merge_preds(self, data_samples_list: Sequence[Sequence[Any]]) -> list[Any]:
        """Merge the views of each photo.

        Args:
            data_samples_list: The detector's results for the views of each photo: boxes in pixels of the flipped photo,
                with ``ori_shape`` and ``flip_direction``.

        Returns:
            The first view's sample of each photo, with ``pred_instances`` replaced by the merged boxes.

        Raises:
            InputError: Boxes or scores are not finite.
        """
        sizes_wh = [samples[0].ori_shape[1::-1] for samples in data_samples_list]
        views = [view_results(samples, sizes_wh) for samples in zip(*data_samples_list, strict=True)]
        merged = merge_views(views, sizes_wh, self.settings)
        firsts = [samples[0] for samples in data_samples_list]
        for index, sample in enumerate(firsts):
            found = merged.take(merged.image_ids == index)
            sample.pred_instances = as_instances(found, sample.pred_instances.scores.device)
        return firsts


def view_results(samples: Sequence[Any], sizes_wh: Sequence[tuple[int, int]]) -> Results:
    """Map one view's detections back to the photos.

    Args:
        samples: The view's sample of each photo.
        sizes_wh: Width and height of each photo.

    Returns:
        Detections with a photo's index in the batch as its image id and labels as category ids.

    Raises:
        InputError: Boxes or scores are not finite.
    """
    parts = []
    for index, (sample, size_wh) in enumerate(zip(samples, sizes_wh, strict=True)):
        found = image_detections(sample)
        if not (np.isfinite(found.bboxes_xyxy).all() and np.isfinite(found.scores).all()):
            remedy = "the model has diverged: take an earlier checkpoint"
            raise InputError(Problem(found.image_path, "its detections hold NaN or infinity", remedy))
        corners = unflipped(found.bboxes_xyxy.astype(np.float64), size_wh, sample.flip_direction)
        bboxes_xywh = np.concatenate([corners[:, :2], corners[:, 2:] - corners[:, :2]], axis=1)
        parts.append(Results.from_arrays(np.full(len(corners), index), found.labels, bboxes_xywh, found.scores))
    return Results.concatenate(parts)


def unflipped(bboxes_xyxy: FloatArray, size_wh: tuple[int, int], direction: str | None) -> FloatArray:
    """Map boxes on a flipped photo to the unflipped photo.

    >>> unflipped(np.array([[10.0, 5.0, 30.0, 25.0]]), (64, 48), "horizontal").tolist()
    [[34.0, 5.0, 54.0, 25.0]]

    Args:
        bboxes_xyxy: Corners in pixels of the flipped photo, shape ``(N, 4)``.
        size_wh: Width and height of the photo.
        direction: ``"horizontal"``, ``"vertical"``, ``"diagonal"`` for both, or None.

    Raises:
        ValueError: An unknown direction.
    """
    if direction not in (None, "horizontal", "vertical", "diagonal"):
        raise ValueError(f"unknown direction of flipping: {direction!r}")
    width, height = size_wh
    mapped = bboxes_xyxy.copy()
    if direction in ("horizontal", "diagonal"):
        mapped[:, [0, 2]] = width - bboxes_xyxy[:, [2, 0]]
    if direction in ("vertical", "diagonal"):
        mapped[:, [1, 3]] = height - bboxes_xyxy[:, [3, 1]]
    return mapped


def merge_views(views: Sequence[Results], sizes_wh: Sequence[tuple[int, int]], settings: EnsembleSettings) -> Results:
    """Fuse the views of a batch of photos.

    Boxes are clipped to their photo first, because a detector may find some in the padding.

    Args:
        views: Detections of each view, as :func:`view_results` returns them.
        sizes_wh: Width and height of each photo.
        settings: How to fuse.

    Returns:
        Detections of the photos in order, those of a photo by descending score.
    """
    # Here, because every training imports this module and numba starts slowly.
    from sortline.predictions.ensembling.fuse import ensemble

    labels = 1 + max((int(view.category_ids.max()) for view in views if len(view)), default=0)
    batch = {
        "images": [
            {"id": index, "file_name": str(index), "width": width, "height": height}
            for index, (width, height) in enumerate(sizes_wh)
        ],
        "categories": [{"id": label, "name": str(label)} for label in range(labels)],
        "annotations": [],
    }
    return ensemble(views, batch, settings)


def as_instances(found: Results, device: torch.device) -> InstanceData:
    """Convert one photo's detections to the form of mmdet's detectors."""
    corners = found.bboxes_xywh.copy()
    corners[:, 2:] += corners[:, :2]
    return InstanceData(
        bboxes=torch.as_tensor(corners, dtype=torch.float32, device=device),
        scores=torch.as_tensor(found.scores, dtype=torch.float32, device=device),
        labels=torch.as_tensor(found.category_ids, device=device),
    )
