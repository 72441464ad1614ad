"""Several annotation files as one dataset that knows the source of each image."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from mmdet.datasets import ConcatDataset
from mmdet.registry import DATASETS


@DATASETS.register_module()
class SourcesDataset(ConcatDataset):
    """Joins the main dataset and further sources; made from ``train_sources`` of a config.

    Unlike mmdet's ConcatDataset it has one pipeline for all sources. So transforms that mix images seen before, such as
    CachedMosaic, mix all sources, and PipelineSwitchHook, which sets ``dataset.pipeline``, works.

    Args:
        datasets: Datasets or their configs, the main one first; its pipeline is used for all.
        names: Name of each source.
        **kwargs: Arguments of ConcatDataset.
    """

    def __init__(self, datasets: Sequence[Any], names: Sequence[str], **kwargs: Any) -> None:
        super().__init__(datasets, **kwargs)
        self.names = tuple(names)
        self.pipeline = self.datasets[0].pipeline

    @property
    def pipeline(self) -> Any:
        """The transforms of all sources."""
        return self.datasets[0].pipeline

    @pipeline.setter
    def pipeline(self, pipeline: Any) -> None:
        for dataset in self.datasets:
            dataset.pipeline = pipeline

    def get_data_info(self, idx: int) -> dict[str, Any]:
        """Return an image's annotations with the name of its ``source``."""
        return {**super().get_data_info(idx), "source": self.names[self.get_dataset_source(idx)]}
