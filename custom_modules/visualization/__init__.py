"""Visualization backends registered in mmengine's registry."""

from custom_modules.visualization.sortline_mlflow_backend import SortlineMLflowBackend
from custom_modules.visualization.sortline_tensorboard_backend import SortlineTensorboardBackend
from custom_modules.visualization.sortline_wandb_backend import SortlineWandbBackend

__all__ = ["SortlineMLflowBackend", "SortlineTensorboardBackend", "SortlineWandbBackend"]
