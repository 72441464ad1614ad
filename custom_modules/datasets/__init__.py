"""Datasets registered in mmdet's registry."""

from custom_modules.datasets.masked_recycle_dataset import MaskedRecycleDataset
from custom_modules.datasets.recycle_dataset import RecycleDataset
from custom_modules.datasets.sources_dataset import SourcesDataset

__all__ = ["MaskedRecycleDataset", "RecycleDataset", "SourcesDataset"]
