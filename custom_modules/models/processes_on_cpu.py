"""Training with several processes on a machine without a GPU."""

from __future__ import annotations

from typing import Any

from mmengine.model import MMDistributedDataParallel, revert_sync_batchnorm
from mmengine.registry import MODEL_WRAPPERS
from torch import nn


@MODEL_WRAPPERS.register_module()
class ProcessesOnCPU(MMDistributedDataParallel):
    """mmengine's wrapper without a device for each process and without SyncBN, both of which need GPUs.

    Each process normalises its own part of the batch, as in a training with one process.

    Args:
        module: The model.
        **kwargs: As for torch's ``DistributedDataParallel``.
    """

    def __init__(self, module: nn.Module, **kwargs: Any) -> None:
        super().__init__(module=revert_sync_batchnorm(module), **{**kwargs, "device_ids": None})
