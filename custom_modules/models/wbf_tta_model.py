"""Any detector on several views of a photo, their boxes brought back to the photo and fused."""

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
    """Runs a detector on each view, one view after the other, and merges them by Weighted Boxes Fusion.

    Views count as the members of an ensemble of equal weight. Beside mmdet's ``DetTTAModel``, which concatenates
    and suppresses, this one averages the boxes. A fused box has its best view's score unless told otherwise: what a
    detector's own suppression leaves of an object is fused as well, and an average takes the weak ones for doubts.
    Instance masks are left out.

    Args:
        module: The detector.
        data_preprocessor: Given to the detector if it has none; mmengine's Runner passes the config's.
        iou_thr: IoU above which boxes of a class show the same object.
        skip_box_thr: Boxes of a view with a lower score are left out.
        conf_type: How a fused box is scored, as in :class:`EnsembleSettings`.
        max_per_image: Most boxes of a photo, the highest-scoring ones; None for all.

    Raises:
        InputError: Settings that mean nothing.
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
        """Return the detector's weights under its own names: the views add none, so its checkpoints fit."""
        state: dict[str, torch.Tensor] = self.module.state_dict(*args, **kwargs)
        return state

    def val_step(self, data: Any) -> list[Any]:
        """Validate as :meth:`test_step` tests; mmengine's class can only test."""
        return self.test_step(data)

    def merge_preds(self, data_samples_list: Sequence[Sequence[Any]]) -> list[Any]:
        """Merge the views of each photo.

        Args:
            data_samples_list: The views of each photo as the detector returned them, boxes in pixels of the flipped
                photo, with ``ori_shape`` and ``flip_direction``.

        Returns:
            The first view's sample of each photo, its ``pred_instances`` replaced by the merged boxes.

        Raises:
            InputError: Boxes or scores that are not numbers.
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
    """Bring one view's detections back to the photos.

    Args:
        samples: The view's sample of each photo.
        sizes_wh: Width and height of each photo.

    Returns:
        Detections with a photo's place in the batch as its image id and labels as category ids.

    Raises:
        InputError: Boxes or scores that are not numbers.
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
    """Map boxes on a flipped photo to the photo as it is.

    >>> unflipped(np.array([[10.0, 5.0, 30.0, 25.0]]), (64, 48), "horizontal").tolist()
    [[34.0, 5.0, 54.0, 25.0]]

    Args:
        bboxes_xyxy: Corners in pixels of the flipped photo, shape ``(N, 4)``.
        size_wh: Width and height of the photo.
        direction: ``"horizontal"``, ``"vertical"``, ``"diagonal"`` for both, or None.

    Raises:
        ValueError: Another direction.
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

    Boxes are cut at the border of their photo first; a detector may find some in the padding.

    Args:
        views: Detections of each view, as :func:`view_results` returns them.
        sizes_wh: Width and height of each photo.
        settings: How to fuse.

    Returns:
        Detections of the photos in their order, each photo's by falling score.
    """
    # Here, since every training imports this module and numba takes a while to start.
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
    """Give one photo's detections the form in which mmdet's detectors return them."""
    corners = found.bboxes_xywh.copy()
    corners[:, 2:] += corners[:, :2]
    return InstanceData(
        bboxes=torch.as_tensor(corners, dtype=torch.float32, device=device),
        scores=torch.as_tensor(found.scores, dtype=torch.float32, device=device),
        labels=torch.as_tensor(found.category_ids, device=device),
    )
