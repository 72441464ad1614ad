"""The precision in which the functions compute."""

from __future__ import annotations

import torch
from torch import Tensor


def compute_dtype(tensor: Tensor) -> torch.dtype:
    """Choose float32 for the half-precision types and the tensor's own type otherwise.

    torchvision's kernels do not support bfloat16, and float16 only partly; their own autocast rules use float32 too.
    The 8 or 11 significant bits of half precision are not enough for coordinates in pixels.
    """
    return torch.float32 if tensor.dtype in (torch.float16, torch.bfloat16) else tensor.dtype
