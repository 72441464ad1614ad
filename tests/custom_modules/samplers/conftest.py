"""Small datasets to draw from, and a world of several processes."""

from __future__ import annotations

from typing import Any

import pytest


class BoxDataset:
    """Images known by their boxes' classes; what a sampler may ask of mmdet's datasets and their wrappers."""

    metainfo = {"classes": ("cup", "can", "tin")}  # noqa: RUF012

    def __init__(self, labels: list[list[int]], sources: list[str] | None = None) -> None:
        self.labels = labels
        self.sources = sources

    def __len__(self) -> int:
        return len(self.labels)

    def get_data_info(self, index: int) -> dict[str, Any]:
        instances = [{"bbox_label": abs(label), "ignore_flag": int(label < 0)} for label in self.labels[index]]
        source = {"source": self.sources[index]} if self.sources else {}
        return {"instances": instances, **source}


@pytest.fixture
def boxes():
    """Return a factory of datasets from lists of labels, one list an image; a negative label is a crowd region's."""
    return BoxDataset


@pytest.fixture
def process(monkeypatch):
    """Return a function that makes samplers built from then on those of one process of several."""
    from custom_modules.samplers import weighted_sampler

    def become(rank: int, world_size: int) -> None:
        monkeypatch.setattr(weighted_sampler, "get_dist_info", lambda: (rank, world_size))

    return become
