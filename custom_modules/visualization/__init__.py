"""Visualization backends registered in mmengine's registry."""

from custom_modules.visualization.sortline_wandb_backend import SortlineWandbBackend

__all__ = ["SortlineWandbBackend"]
