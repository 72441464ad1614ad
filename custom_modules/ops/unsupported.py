"""The clear end of an op that Sortline doesn't provide."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NoReturn

from sortline.errors import InputError, Problem

BUILD_COMMAND = (
    "pip install --no-build-isolation --no-cache-dir --no-deps --force-reinstall "
    "--no-binary onedl-mmcv onedl-mmcv==2.3.6"
)

ROTATED = "rotated and quadrilateral boxes (MMRotate)"
POINT_CLOUD = "point clouds (MMDetection3D)"

# The start of an op's name -> the mmcv layer or function that calls it, and what in a config asks for that.
CALLERS = {
    "active_rotated_filter": ("active_rotated_filter", ROTATED),
    "assign_score_withk": ("AssignScoreWithK", POINT_CLOUD),
    "ball_query": ("QueryAndGroup", POINT_CLOUD),
    "bezier_align": ("BezierAlign", "roi_layer=dict(type='BezierAlign')"),
    "bias_act": ("bias_act", "generative models (StyleGAN3)"),
    "box_iou_quadri": ("box_iou_quadri", ROTATED),
    "box_iou_rotated": ("box_iou_rotated", ROTATED),
    "chamfer_distance": ("chamfer_distance", ROTATED),
    "contour_expand": ("contour_expand", "text detection (MMOCR)"),
    "convex_": ("convex_iou", ROTATED),
    "correlation": ("Correlation", "optical flow (MMFlow)"),
    "diff_iou_rotated": ("diff_iou_rotated_2d", ROTATED),
    "dynamic_": ("Voxelization or DynamicScatter", POINT_CLOUD),
    "filtered_lrelu": ("filtered_lrelu", "generative models (StyleGAN3)"),
    "furthest_point": ("PointsSampler", POINT_CLOUD),
    "fused_bias_leakyrelu": ("FusedBiasLeakyReLU", "generative models (StyleGAN2)"),
    "fused_indice": ("SparseConvTensor layers", POINT_CLOUD),
    "gather_points": ("gather_points", POINT_CLOUD),
    "get_indice": ("SparseConvTensor layers", POINT_CLOUD),
    "group_points": ("QueryAndGroup", POINT_CLOUD),
    "hard_voxelize": ("Voxelization", POINT_CLOUD),
    "indice_": ("SparseConvTensor layers", POINT_CLOUD),
    "iou3d": ("nms3d", POINT_CLOUD),
    "knn": ("knn", POINT_CLOUD),
    "min_area_polygons": ("min_area_polygons", ROTATED),
    "nms_quadri": ("nms_quadri", "nms=dict(type='nms_quadri')"),
    "nms_rotated": ("nms_rotated", "nms=dict(type='nms_rotated')"),
    "pixel_group": ("pixel_group", "text detection (MMOCR)"),
    "points_in_boxes": ("points_in_boxes", POINT_CLOUD),
    "points_in_polygons": ("points_in_polygons", ROTATED),
    "psamask": ("PSAMask", "segmentation (PSANet)"),
    "riroi_align_rotated": ("RiRoIAlignRotated", "roi_layer=dict(type='RiRoIAlignRotated')"),
    "roi_align_rotated": ("RoIAlignRotated", "roi_layer=dict(type='RoIAlignRotated')"),
    "roiaware_pool3d": ("RoIAwarePool3d", POINT_CLOUD),
    "roipoint_pool3d": ("RoIPointPool3d", POINT_CLOUD),
    "rotated_feature_align": ("rotated_feature_align", ROTATED),
    "stack_": ("QueryAndGroup", POINT_CLOUD),
    "three_": ("three_nn and three_interpolate", POINT_CLOUD),
    "tin_shift": ("TINShift", "action recognition (MMAction)"),
    "upfirdn2d": ("upfirdn2d", "generative models (StyleGAN2)"),
}


def caller(op: str) -> tuple[str, str]:
    """Name mmcv's layer that calls ``op``, and what in a config asks for that layer."""
    matches = [start for start in CALLERS if op.startswith(start)]
    return CALLERS[max(matches, key=len)] if matches else ("mmcv.ops", "unknown to Sortline")


def unsupported(op: str) -> Callable[..., NoReturn]:
    """Make the function that stands in for ``op`` and says, when it is called, what to do instead."""

    def call(*args: Any, **kwargs: Any) -> NoReturn:
        layer, asked_by = caller(op)
        raise InputError(
            Problem(
                f"mmcv.ops ({layer})",
                f"{op!r} is not among the ops that Sortline provides without mmcv's compiled extension; "
                f"usually asked for by: {asked_by}",
                f"choose another layer in the config, or build mmcv with its extension (README, 'Compiled "
                f"mmcv'):\n    {BUILD_COMMAND}",
            )
        )

    call.__name__ = call.__qualname__ = op
    return call
