"""Mixed precision in bfloat16, on a GPU or a CPU."""

from __future__ import annotations

from typing import Any

import torch
from mmengine.optim import AmpOptimWrapper, OptimWrapper
from mmengine.registry import OPTIM_WRAPPERS
from torch.amp.grad_scaler import GradScaler

from sortline.errors import InputError, Problem


@OPTIM_WRAPPERS.register_module()
class BFloat16OptimWrapper(AmpOptimWrapper):
    """mmengine's AmpOptimWrapper in bfloat16: without loss scaling, and on a CPU too.

    bfloat16 has the range of float32, so gradients need no scaling. mmengine's constructor refuses to run without a
    GPU, although its autocast supports CPUs
    (https://github.com/open-mmlab/mmengine/blob/main/mmengine/optim/optimizer/amp_optimizer_wrapper.py); so it is not
    called here. Weights stay float32, and validation and tests run in float32 unless ``val_cfg`` and ``test_cfg`` set
    ``fp16=True``.

    Args:
        **kwargs: As for mmengine's ``OptimWrapper``: ``optimizer``, ``accumulative_counts``, ``clip_grad``.

    Raises:
        InputError: The GPU does not support bfloat16.
    """

    def __init__(self, **kwargs: Any) -> None:
        has_gpu = torch.cuda.is_available()
        if has_gpu and not torch.cuda.is_bf16_supported(including_emulation=False):
            what = f"{torch.cuda.get_device_name()} does not support bfloat16"
            raise InputError(Problem("optim_wrapper", what, "train in float16: --amp fp16"))
        OptimWrapper.__init__(self, **kwargs)
        self._scale_update_param = None
        self.loss_scaler = GradScaler("cuda" if has_gpu else "cpu", enabled=False)
        self.cast_dtype = torch.bfloat16
