"""What ``mmcv.ops`` sees as ``mmcv._ext`` when no compiled extension serves.

Each function has the name, the arguments and the effects (result tensors filled in place) of its compiled
counterpart. To serve one more op, write the function in a file of this package and import it here. A name that
isn't here resolves to a function that explains itself when it is called.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from custom_modules.ops.border_align import border_align_backward, border_align_forward
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
from custom_modules.ops.info import get_compiler_version, get_compiling_cuda_version
from custom_modules.ops.line_nms import line_nms_forward
from custom_modules.ops.masked_conv import masked_col2im_forward, masked_im2col_forward
from custom_modules.ops.ms_deform_attn import ms_deform_attn_backward, ms_deform_attn_forward
from custom_modules.ops.nms import bbox_overlaps, nms, nms_match, softnms
from custom_modules.ops.prroi_pool import prroi_pool_backward, prroi_pool_coor_backward, prroi_pool_forward
from custom_modules.ops.roi_align import roi_align_backward, roi_align_forward
from custom_modules.ops.roi_pool import roi_pool_backward, roi_pool_forward
from custom_modules.ops.sync_bn import (
    sync_bn_backward_data,
    sync_bn_backward_param,
    sync_bn_forward_mean,
    sync_bn_forward_output,
    sync_bn_forward_var,
)
from custom_modules.ops.unsupported import unsupported

__all__ = [
    "bbox_overlaps",
    "border_align_backward",
    "border_align_forward",
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
    "line_nms_forward",
    "masked_col2im_forward",
    "masked_im2col_forward",
    "modulated_deform_conv_backward",
    "modulated_deform_conv_forward",
    "ms_deform_attn_backward",
    "ms_deform_attn_forward",
    "nms",
    "nms_match",
    "prroi_pool_backward",
    "prroi_pool_coor_backward",
    "prroi_pool_forward",
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


def __getattr__(name: str) -> Callable[..., Any]:
    # mmcv asks for all its functions while it is imported, so absence may show only when one is called.
    if name.startswith("_"):
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return unsupported(name)
