"""In which precision the functions compute."""

from __future__ import annotations

import torch
from torch import Tensor


def compute_dtype(tensor: Tensor) -> torch.dtype:
    """Choose float32 for the half-precision types and the tensor's own type otherwise.

    torchvision's kernels lack bfloat16 everywhere and float16 in part, and their own autocast rules compute in
    float32 too: coordinates in pixels do not survive the 8 or 11 bits of a half-precision number.
    """
    return torch.float32 if tensor.dtype in (torch.float16, torch.bfloat16) else tensor.dtype
