"""Workarounds for faults of mmdet's models, each needed until upstream fixes it."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import numpy as np
from mmdet.models.dense_heads import SSDHead, paa_head
from mmdet.models.roi_heads.mask_heads import fcn_mask_head
from sklearn.mixture import GaussianMixture
from torch import Tensor

_paste_mask = fcn_mask_head._do_paste_mask


def apply_workarounds() -> None:
    """Apply all workarounds; further calls change nothing."""
    # BaseDenseHead reads loss_cls of every head; SSD's and PISA's have none, and so can't predict.
    # (https://github.com/open-mmlab/mmdetection/issues/11780)
    SSDHead.loss_cls = None
    paa_head.skm = SimpleNamespace(GaussianMixture=PreciseGaussianMixture)
    fcn_mask_head._do_paste_mask = paste_mask


def paste_mask(
    masks: Tensor, boxes_xyxy: Tensor, img_h: int, img_w: int, skip_empty: bool = True
) -> tuple[Tensor, tuple[slice, ...]]:
    """Paste masks into a photo, including masks of boxes outside it.

    On a CPU mmdet computes only the region that the boxes cover, and fails if it lies outside the photo: one such box,
    which QueryInst may predict, ends a test run. Then the whole photo is computed instead.
    (mmdet/models/roi_heads/mask_heads/fcn_mask_head.py, ``_do_paste_mask``)

    Args:
        masks: Mask of each box, shape ``(N, 1, H, W)``.
        boxes_xyxy: In pixels of the photo, shape ``(N, 4)``.
        img_h: Height of the photo in pixels.
        img_w: Width of the photo in pixels.
        skip_empty: Compute only the region that the boxes cover.

    Returns:
        The pasted masks, shape ``(N, h, w)``, and the region's rows and columns, empty for the whole photo.
    """
    left, top = boxes_xyxy[:, :2].min(dim=0).values.tolist()
    right, bottom = boxes_xyxy[:, 2:].max(dim=0).values.tolist()
    inside = left < img_w and top < img_h and right > 0 and bottom > 0
    pasted: tuple[Tensor, tuple[slice, ...]] = _paste_mask(masks, boxes_xyxy, img_h, img_w, skip_empty and inside)
    return pasted


class PreciseGaussianMixture(GaussianMixture):
    """A Gaussian mixture that is fitted in double precision.

    PAA and LAD fit one to the losses of an object's anchors. In single precision the variance of a component with
    one anchor, mean of squares minus square of the mean, rounds to below zero, and the training run ends with
    "ill-defined empirical covariance". (mmdet/models/dense_heads/paa_head.py, ``paa_reassign``)
    """

    def fit(self, X: Any, y: Any = None) -> PreciseGaussianMixture:
        """Fit to values of shape ``(N, 1)`` of any precision."""
        return super().fit(np.asarray(X, dtype=np.float64), y)
