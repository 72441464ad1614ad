"""A dataset whose boxes all have masks."""

from __future__ import annotations

from typing import Any

from mmdet.registry import DATASETS

from custom_modules.datasets.detection_dataset import DetectionDataset
from sortline.errors import InputError, Problem, counted


# The second name is that of earlier versions, which old run records and configs use.
@DATASETS.register_module(name=["MaskedDetectionDataset", "MaskedRecycleDataset"])
class MaskedDetectionDataset(DetectionDataset):
    """A :class:`DetectionDataset` for instance segmentation: every box needs a ``segmentation``.

    Without this check, mmdet's loading step fails at the first box without one, in the middle of an epoch, with
    ``KeyError: 'mask'``.

    Raises:
        InputError: As for :class:`DetectionDataset`, or boxes have no ``segmentation``.
    """

    def load_data_list(self) -> list[dict[str, Any]]:
        """Read the annotation file; instances also have a ``mask`` in the file's form."""
        samples = super().load_data_list()
        instances = [(sample["file_name"], instance) for sample in samples for instance in sample["instances"]]
        without = [file_name for file_name, instance in instances if "mask" not in instance]
        if without:
            photos = list(dict.fromkeys(without))
            what = f"{len(without):,} of {len(instances):,} boxes have no segmentation: on {counted(photos)}"
            raise InputError(Problem(self.ann_file, what, "train on boxes alone, or annotate the masks"))
        return samples
