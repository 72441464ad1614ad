"""The files that a bound config reads: annotations, photos and weights to begin with, for the run's record."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from mmengine.config import Config, ConfigDict

from sortline.errors import InputError
from sortline.nested import dicts_below
from sortline.pipeline.bind import PARTS, annotation_path, as_list, leaf_datasets
from sortline.runs.conditions import Photos, describe_photos
from sortline.runs.run_record import describe_files
from sortline.weights.pretrained import CHECKPOINT_KEYS, find_wants
from sortline.weights.weight_file import known_sha256


def datasets_by_part(cfg: Config) -> dict[str, ConfigDict]:
    """List the datasets that read files: ``"train"``, ``"val"``, ``"test"``, and ``"train_1"`` of a second source."""
    found = {}
    for part in PARTS:
        datasets = leaf_datasets(cfg[f"{part}_dataloader"].dataset) if cfg.get(f"{part}_dataloader") else ()
        for index, dataset in enumerate(datasets):
            found[f"{part}_{index}" if index else part] = dataset
    return found


def describe_annotations(cfg: Config) -> dict[str, dict[str, str]]:
    """Name the annotation files by place and content."""
    return describe_files({part: annotation_path(dataset) for part, dataset in datasets_by_part(cfg).items()})


def held_out_from(cfg: Config) -> dict[str, str]:
    """Name the file of which the validation part was held out by place and content; nothing where none was."""
    name = (cfg.get("ann_files") or {}).get("held_out_from")
    if not name:
        return {}
    return describe_files({"source": os.path.join(cfg.get("data_root") or "", name)}).get("source", {})


def photos_by_part(cfg: Config) -> dict[str, Photos]:
    """Describe the photos of each annotation file that is there."""
    return {
        part: describe_photos(annotation_path(dataset), _photo_folder(dataset))
        for part, dataset in datasets_by_part(cfg).items()
        if Path(annotation_path(dataset)).is_file()
    }


def _photo_folder(dataset: ConfigDict) -> str:
    prefix = (dataset.get("data_prefix") or {}).get("img") or ""
    return os.path.join(dataset.get("data_root") or "", prefix)


def describe_parents(cfg: Config) -> dict[str, dict[str, str]]:
    """Name the weights that a run begins with by place and content, by the config key that wants them.

    Args:
        cfg: A config; downloads that it asks for count where they are in the cache already.
    """
    return {key: {"path": str(path), "sha256": known_sha256(path)} for key, path in _parents(cfg) if path.is_file()}


def _parents(cfg: Config) -> Iterator[tuple[str, Path]]:
    for want in find_wants(cfg):
        yield want.file.place, want.file.find()[1]
    if cfg.get("load_from") and not cfg.get("resume"):
        yield "load_from", Path(cfg.load_from).expanduser()
    for place, node in dicts_below(cfg.get("model"), "model"):
        for key in CHECKPOINT_KEYS:
            if node.get(key):
                yield f"{place}.{key}", Path(str(node[key])).expanduser()
        for entry in as_list(node.get("init_cfg")):
            if isinstance(entry, dict) and entry.get("type") == "Pretrained":
                yield place, Path(str(entry.get("checkpoint"))).expanduser()
        yield from _timm_parent(place, node)


def _timm_parent(place: str, node: Any) -> Iterator[tuple[str, Path]]:
    """Find the file, or the package with a file, that a :class:`TimmBackbone` names."""
    name = node.get("pretrained") if node.get("type") == "TimmBackbone" else None
    if not isinstance(name, str):
        return
    from sortline.weights.timm_weights import find_weights  # torch's, which most callers do without

    try:
        yield place, find_weights(name)
    except InputError:  # building the model says so, better
        return
