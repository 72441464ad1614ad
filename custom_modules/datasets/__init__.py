"""Datasets registered in mmdet's registry."""

from custom_modules.datasets.recycle_dataset import RecycleDataset

__all__ = ["RecycleDataset"]
