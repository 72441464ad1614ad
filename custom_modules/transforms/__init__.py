"""Transforms registered in mmdet's registry."""

from custom_modules.transforms.cover_ignored_boxes import CoverIgnoredBoxes
from custom_modules.transforms.sample_boxes_by_weight import SampleBoxesByWeight

__all__ = ["CoverIgnoredBoxes", "SampleBoxesByWeight"]
