"""Transforms registered in mmdet's registry."""

from custom_modules.transforms.clip_to_uint8 import ClipToUint8
from custom_modules.transforms.cover_ignored_boxes import CoverIgnoredBoxes
from custom_modules.transforms.crop_keeping_objects import CropKeepingObjects
from custom_modules.transforms.own_size_mix_up import OwnSizeMixUp
from custom_modules.transforms.own_size_mosaic import OwnSizeMosaic
from custom_modules.transforms.paste_objects import PasteObjects
from custom_modules.transforms.random_albumentations import RandomAlbumentations
from custom_modules.transforms.random_rotate90 import RandomRotate90
from custom_modules.transforms.sample_boxes_by_weight import SampleBoxesByWeight

__all__ = [
    "ClipToUint8",
    "CoverIgnoredBoxes",
    "CropKeepingObjects",
    "OwnSizeMixUp",
    "OwnSizeMosaic",
    "PasteObjects",
    "RandomAlbumentations",
    "RandomRotate90",
    "SampleBoxesByWeight",
]
