"""Training loops registered in mmengine's registry."""

from custom_modules.loops.resumable_epoch_loop import ResumableEpochLoop
from custom_modules.loops.resumable_iter_loop import ResumableIterLoop

__all__ = ["ResumableEpochLoop", "ResumableIterLoop"]
