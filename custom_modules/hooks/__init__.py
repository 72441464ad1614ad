"""Hooks registered in mmengine's registry."""

from custom_modules.hooks.atomic_checkpoint_hook import AtomicCheckpointHook
from custom_modules.hooks.best_predictions_hook import BestPredictionsHook
from custom_modules.hooks.checkpoint_guard_hook import CheckpointGuardHook
from custom_modules.hooks.finite_loss_hook import FiniteLossHook
from custom_modules.hooks.freeze_hook import FreezeHook
from custom_modules.hooks.gradient_norm_hook import GradientNormHook
from custom_modules.hooks.health_hook import HealthHook
from custom_modules.hooks.last_epochs_pipeline_hook import LastEpochsPipelineHook
from custom_modules.hooks.resumable_early_stopping_hook import ResumableEarlyStoppingHook
from custom_modules.hooks.rich_progress_hook import RichProgressHook
from custom_modules.hooks.sampling_log_hook import SamplingLogHook
from custom_modules.hooks.stop_signal_hook import StopSignalHook
from custom_modules.hooks.submission_hook import SubmissionHook
from custom_modules.hooks.tail_average_hook import TailAverageHook
from custom_modules.hooks.tracking_hook import TrackingHook
from custom_modules.hooks.training_state_hook import TrainingStateHook
from custom_modules.hooks.validation_loss_hook import ValidationLossHook

__all__ = [
    "AtomicCheckpointHook",
    "BestPredictionsHook",
    "CheckpointGuardHook",
    "FiniteLossHook",
    "FreezeHook",
    "GradientNormHook",
    "HealthHook",
    "LastEpochsPipelineHook",
    "ResumableEarlyStoppingHook",
    "RichProgressHook",
    "SamplingLogHook",
    "StopSignalHook",
    "SubmissionHook",
    "TailAverageHook",
    "TrackingHook",
    "TrainingStateHook",
    "ValidationLossHook",
]
