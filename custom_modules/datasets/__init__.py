"""Datasets registered in mmdet's registry."""

from custom_modules.datasets.detection_dataset import DetectionDataset
from custom_modules.datasets.masked_detection_dataset import MaskedDetectionDataset
from custom_modules.datasets.sources_dataset import SourcesDataset

__all__ = ["DetectionDataset", "MaskedDetectionDataset", "SourcesDataset"]
