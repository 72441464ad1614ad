"""Check what a bound config says about sampling, and that no source trains on validation images."""

from __future__ import annotations

import os
from collections.abc import Iterator

from mmengine.config import Config, ConfigDict

from sortline.data.sampling_weights import MAIN_SOURCE, setting_problems
from sortline.errors import Problem, counted
from sortline.files import read_json
from sortline.pipeline.bind import annotation_path, class_names, leaf_datasets
from sortline.pipeline.train_sources import OWN_SAMPLERS, joined_node


def check_sampler(cfg: Config) -> list[Problem]:
    """Check the settings of a train loader's sampler, if it is one of Sortline's."""
    loader = cfg.get("train_dataloader") or {}
    sampler = loader.get("sampler") or {}
    if sampler.get("type") not in OWN_SAMPLERS:
        return []
    joined = joined_node(loader.get("dataset"))
    sources = joined.names if joined else [MAIN_SOURCE]
    settings = {**dict.fromkeys(OWN_SAMPLERS[sampler.type]), **sampler}
    return setting_problems(settings, class_names(cfg), sources, "train_dataloader.sampler")


def check_leaks(cfg: Config) -> Iterator[Problem]:
    """Name sources that hold images of the validation file: a score on them would say nothing.

    An image is known by the file that it resolves to, links included; a copy elsewhere is not recognised.

    Args:
        cfg: A bound config whose annotation files are sound.
    """
    train, val = cfg.get("train_dataloader"), cfg.get("val_dataloader")
    joined = joined_node(train.dataset) if train else None
    if joined is None or not val:
        return
    validated = set().union(*(image_files(dataset) for dataset in leaf_datasets(val.dataset)))
    for index, dataset in enumerate(joined.datasets[1:]):
        shared = [name for file, name in image_files(dataset).items() if file in validated]
        if shared:
            listed = f"{len(shared):,} of {annotation_path(dataset)}: {counted(shared)}"
            remedy = "remove them from the source: scores on images that were trained on say nothing"
            what = f"trains on images that are validated on, {listed}"
            yield Problem(f"train_sources.{index}", what, remedy)


def image_files(dataset: ConfigDict) -> dict[str, str]:
    """Return the ``file_name`` of each image of a leaf dataset's config by the file that it resolves to."""
    prefix = (dataset.get("data_prefix") or {}).get("img", "")
    folder = os.path.join(dataset.get("data_root") or "", prefix)
    names = [image["file_name"] for image in read_json(annotation_path(dataset))["images"]]
    return {os.path.realpath(os.path.join(folder, name)): name for name in names}
