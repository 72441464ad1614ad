"""What a dataset has to draw from, read without loading a photo."""

from __future__ import annotations

from typing import Any

import numpy as np

from sortline.data.sampling_weights import MAIN_SOURCE, Pool


def dataset_pool(dataset: Any) -> Pool:
    """Count the boxes of each image and class as the dataset gives them: filtered, shortened, wrapped.

    Wrappers pass ``get_data_info`` on, but not ``get_cat_ids``: so the former is read.

    Args:
        dataset: A detection dataset or a wrapper around some; SourcesDataset names the source of each image.
    """
    metainfo = dataset.metainfo
    # mmdet's ConcatDataset holds a list where the metainfos of its datasets differ.
    classes = tuple((metainfo[0] if isinstance(metainfo, list) else metainfo).get("classes") or ())
    counts = np.zeros((len(dataset), len(classes)), dtype=np.int64)
    sources: dict[str, int] = {MAIN_SOURCE: 0}
    source_of = np.zeros(len(dataset), dtype=np.int64)
    for index in range(len(dataset)):
        info = dataset.get_data_info(index)
        source_of[index] = sources.setdefault(info.get("source", MAIN_SOURCE), len(sources))
        labels = [instance["bbox_label"] for instance in info["instances"] if not instance["ignore_flag"]]
        np.add.at(counts[index], labels, 1)
    return Pool(classes, counts, tuple(sources), source_of)
