"""What ``mmcv.ops`` sees as ``mmcv._ext`` when no compiled extension serves.

Each function has the name, the arguments and the effects (result tensors filled in place) of its compiled
counterpart. To serve one more op, write the function in a file of this package and import it here. A name that
isn't here resolves to a function that explains itself when it is called.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from custom_modules.ops.deform_conv import (
    deform_conv_backward_input,
    deform_conv_backward_parameters,
    deform_conv_forward,
    modulated_deform_conv_backward,
    modulated_deform_conv_forward,
)
from custom_modules.ops.focal_loss import (
    sigmoid_focal_loss_backward,
    sigmoid_focal_loss_forward,
    softmax_focal_loss_backward,
    softmax_focal_loss_forward,
)
from custom_modules.ops.info import get_compiler_version, get_compiling_cuda_version
from custom_modules.ops.ms_deform_attn import ms_deform_attn_backward, ms_deform_attn_forward
from custom_modules.ops.nms import bbox_overlaps, nms, nms_match, softnms
from custom_modules.ops.roi_align import roi_align_backward, roi_align_forward
from custom_modules.ops.unsupported import unsupported

__all__ = [
    "bbox_overlaps",
    "deform_conv_backward_input",
    "deform_conv_backward_parameters",
    "deform_conv_forward",
    "get_compiler_version",
    "get_compiling_cuda_version",
    "modulated_deform_conv_backward",
    "modulated_deform_conv_forward",
    "ms_deform_attn_backward",
    "ms_deform_attn_forward",
    "nms",
    "nms_match",
    "roi_align_backward",
    "roi_align_forward",
    "sigmoid_focal_loss_backward",
    "sigmoid_focal_loss_forward",
    "softmax_focal_loss_backward",
    "softmax_focal_loss_forward",
    "softnms",
]


def __getattr__(name: str) -> Callable[..., Any]:
    # mmcv asks for all its functions while it is imported, so absence may show only when one is called.
    if name.startswith("_"):
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return unsupported(name)
