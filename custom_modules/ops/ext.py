"""What ``mmcv.ops`` sees as ``mmcv._ext`` when no compiled extension serves.

Each function has the name, the arguments and the effects (result tensors filled in place) of its compiled
counterpart. To serve one more op, write the function in a file of this package, import it here and remove its entry
from ``CALLERS``. Any other name is a function that raises an error when it is called: which op, and what to do.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NoReturn

from custom_modules.ops.carafe import carafe_backward, carafe_forward, carafe_naive_backward, carafe_naive_forward
from custom_modules.ops.deform_conv import (
    deform_conv_backward_input,
    deform_conv_backward_parameters,
    deform_conv_forward,
    modulated_deform_conv_backward,
    modulated_deform_conv_forward,
)
from custom_modules.ops.deform_roi_pool import deform_roi_pool_backward, deform_roi_pool_forward
from custom_modules.ops.focal_loss import (
    sigmoid_focal_loss_backward,
    sigmoid_focal_loss_forward,
    softmax_focal_loss_backward,
    softmax_focal_loss_forward,
)
from custom_modules.ops.masked_conv import masked_col2im_forward, masked_im2col_forward
from custom_modules.ops.ms_deform_attn import ms_deform_attn_backward, ms_deform_attn_forward
from custom_modules.ops.nms import bbox_overlaps, nms, nms_match, softnms
from custom_modules.ops.roi_align import roi_align_backward, roi_align_forward
from custom_modules.ops.roi_pool import roi_pool_backward, roi_pool_forward
from custom_modules.ops.sync_bn import (
    sync_bn_backward_data,
    sync_bn_backward_param,
    sync_bn_forward_mean,
    sync_bn_forward_output,
    sync_bn_forward_var,
)
from sortline.errors import InputError, Problem

__all__ = [
    "bbox_overlaps",
    "carafe_backward",
    "carafe_forward",
    "carafe_naive_backward",
    "carafe_naive_forward",
    "deform_conv_backward_input",
    "deform_conv_backward_parameters",
    "deform_conv_forward",
    "deform_roi_pool_backward",
    "deform_roi_pool_forward",
    "get_compiler_version",
    "get_compiling_cuda_version",
    "masked_col2im_forward",
    "masked_im2col_forward",
    "modulated_deform_conv_backward",
    "modulated_deform_conv_forward",
    "ms_deform_attn_backward",
    "ms_deform_attn_forward",
    "nms",
    "nms_match",
    "roi_align_backward",
    "roi_align_forward",
    "roi_pool_backward",
    "roi_pool_forward",
    "sigmoid_focal_loss_backward",
    "sigmoid_focal_loss_forward",
    "softmax_focal_loss_backward",
    "softmax_focal_loss_forward",
    "softnms",
    "sync_bn_backward_data",
    "sync_bn_backward_param",
    "sync_bn_forward_mean",
    "sync_bn_forward_output",
    "sync_bn_forward_var",
]

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
    "border_align": ("BorderAlign", "mmcv.ops.BorderAlign (BorderDet)"),
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
    "line_nms": ("line_nms", "lane detection (CLRNet)"),
    "min_area_polygons": ("min_area_polygons", ROTATED),
    "nms_quadri": ("nms_quadri", "nms=dict(type='nms_quadri')"),
    "nms_rotated": ("nms_rotated", "nms=dict(type='nms_rotated')"),
    "pixel_group": ("pixel_group", "text detection (MMOCR)"),
    "points_in_boxes": ("points_in_boxes", POINT_CLOUD),
    "points_in_polygons": ("points_in_polygons", ROTATED),
    "prroi_pool": ("PrRoIPool", "roi_layer=dict(type='PrRoIPool')"),
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


def __getattr__(name: str) -> Callable[..., NoReturn]:
    # mmcv looks up all its functions while it is imported, so a missing one may fail only when it is called.
    if name.startswith("_"):
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return unsupported(name)


def get_compiler_version() -> str:
    """Name the compiler of mmcv's extension for the environment report in every run's log: there is none."""
    return "none (ops served by Sortline)"


def get_compiling_cuda_version() -> str:
    """Name the CUDA version of mmcv's extension: there is none; torch's and torchvision's kernels are used."""
    return "none (ops served by Sortline)"


def unsupported(op: str) -> Callable[..., NoReturn]:
    """Return a function that raises an error for ``op`` when it is called."""

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


def caller(op: str) -> tuple[str, str]:
    """Return the name of mmcv's layer that calls ``op``, and what in a config asks for that layer."""
    matches = [start for start in CALLERS if op.startswith(start)]
    return CALLERS[max(matches, key=len)] if matches else ("mmcv.ops", "unknown to Sortline")
