"""Training on several annotation files: ``train_sources`` of a config, checked and written into the train loader."""

from __future__ import annotations

import copy
import os
from collections import Counter
from pathlib import Path
from typing import Any

from mmengine.config import Config, ConfigDict

from sortline.data.sampling_weights import MAIN_SOURCE, is_positive
from sortline.errors import InputError, Problem, nearest

SOURCE_KEYS = ("ann_file", "data_root", "name", "weight")
JOINED = "SourcesDataset"
# Samplers that take source_weights, with the settings that they can't do without.
OWN_SAMPLERS = {
    "WeightedSampler": (),
    "RepeatFactorSampler": ("thr",),
    "ClassBalancedSampler": (),
    "OversampleSampler": ("factors",),
}


def check_sources(cfg: Config) -> list[Problem]:
    """Find what is wrong with ``train_sources`` itself; the files are looked at later.

    Args:
        cfg: A config as read, before it is bound.
    """
    sources = cfg.get("train_sources")
    if sources is None:
        return []
    if not isinstance(sources, list | tuple) or not all(isinstance(source, dict) for source in sources):
        what, remedy = f"is {sources!r}", 'write a list of dicts: [dict(ann_file="more.json", weight=0.5)]'
        return [Problem("train_sources", what, remedy)]
    problems: list[Problem] = []
    for index, source in enumerate(sources):
        problems += _source_problems(source, f"train_sources.{index}")
    if problems or not sources:
        return problems
    repeated = [name for name, count in Counter([MAIN_SOURCE, *map(source_name, sources)]).items() if count > 1]
    for name in repeated:
        remedy = f"give each a name of its own; {MAIN_SOURCE!r} is ann_files.train"
        problems.append(Problem("train_sources", f"several sources are called {name!r}", remedy))
    return problems + _loader_problems(cfg)


def _source_problems(source: dict[str, Any], where: str) -> list[Problem]:
    problems = [
        Problem(f"{where}.{key}", "unknown key", nearest(str(key), SOURCE_KEYS) or f"known: {', '.join(SOURCE_KEYS)}")
        for key in source
        if key not in SOURCE_KEYS
    ]
    if "ann_file" not in source:
        problems.append(Problem(where, "has no ann_file", "name its annotation file, below data_root"))
    for key in ("ann_file", "data_root", "name"):
        value = source.get(key)
        if key in source and (not isinstance(value, str) or not value):
            problems.append(Problem(f"{where}.{key}", f"is {value!r}", "write a text, or leave the key out"))
    if source.get("weight") is not None and not is_positive(source["weight"]):
        what = f"is {source['weight']!r}"
        remedy = "write a number above 0: images drawn of it for each main one; without weight it is drawn as it is"
        problems.append(Problem(f"{where}.weight", what, remedy))
    return problems


def _loader_problems(cfg: Config) -> list[Problem]:
    """The train loader must read one file, and its sampler must be able to weigh sources."""
    loader = cfg.get("train_dataloader")
    if not isinstance(loader, dict) or joined_node(loader.get("dataset")):
        return []
    node = _leaf_holder(loader).get("dataset")
    if isinstance(node, dict) and "datasets" in node:
        what = f"already joins datasets ({node.get('type')}): train_sources would join them to more"
        return [Problem("train_dataloader.dataset", what, "write all of them into train_sources")]
    sampler = loader.get("sampler")
    sampler = sampler.get("type") if isinstance(sampler, dict) else "DefaultSampler"
    if _weights(cfg) and sampler not in ("DefaultSampler", *OWN_SAMPLERS):
        what = f"{sampler} can't weigh sources, as train_sources asks for"
        remedy = f"use one of {', '.join(OWN_SAMPLERS)}, or leave the weights out"
        return [Problem("train_dataloader.sampler.type", what, remedy)]
    return []


def join_sources(cfg: Config) -> list[str]:
    """Put the sources beside the main dataset of a bound train loader, and their weights into its sampler.

    A source is read like the main dataset but for ``ann_file`` and ``data_root``, the config's unless given.

    Args:
        cfg: Changed in place; a second call changes nothing.

    Returns:
        One line for each value set, for the log.

    Raises:
        InputError: ``train_sources`` is not sound.
    """
    sources, loader = cfg.get("train_sources"), cfg.get("train_dataloader")
    if not sources or not loader or joined_node(loader.dataset):
        return []
    if problems := check_sources(cfg):
        raise InputError(problems)
    holder = _leaf_holder(loader)
    main = holder["dataset"]
    datasets = [main, *(_source_dataset(main, source) for source in sources)]
    names = [MAIN_SOURCE, *map(source_name, sources)]
    holder["dataset"] = ConfigDict(type=JOINED, datasets=datasets, names=names)
    files = (os.path.join(dataset.get("data_root") or "", dataset.ann_file) for dataset in datasets)
    listed = ", ".join(f"{name} ({file})" for name, file in zip(names, files, strict=True))
    lines = [f"train_dataloader.dataset = {JOINED} of {listed}"]
    if weights := _weights(cfg):
        lines += _set_weights(loader, weights)
    return lines


def _source_dataset(main: ConfigDict, source: dict[str, Any]) -> ConfigDict:
    dataset = copy.deepcopy(main)
    dataset.pop("indices", None)  # a choice among the main file's images
    dataset.ann_file = source["ann_file"]
    if "data_root" in source:
        dataset.data_root = source["data_root"]
    return dataset


def _set_weights(loader: ConfigDict, weights: dict[str, float]) -> list[str]:
    sampler = loader.get("sampler") or ConfigDict(type="DefaultSampler")
    if "source_weights" in sampler:
        return []
    if sampler.type == "DefaultSampler":
        loader.sampler = ConfigDict(type="WeightedSampler", source_weights=weights)
        return [f"train_dataloader.sampler = WeightedSampler with source_weights {weights} (was DefaultSampler)"]
    sampler.source_weights = ConfigDict(weights)
    return [f"train_dataloader.sampler.source_weights = {weights}"]


def _weights(cfg: Config) -> dict[str, float]:
    return {source_name(source): source["weight"] for source in cfg.train_sources if source.get("weight") is not None}


def source_name(source: dict[str, Any]) -> str:
    """Return what a source is called: its name, else its file's without the ending."""
    return str(source.get("name") or Path(source["ann_file"]).stem)


def joined_node(dataset: Any) -> ConfigDict | None:
    """Find the SourcesDataset in a dataset's config, below wrappers; None where there is none."""
    while isinstance(dataset, dict):
        if dataset.get("type") == JOINED:
            return dataset
        dataset = dataset.get("dataset")
    return None


def _leaf_holder(loader: ConfigDict) -> ConfigDict:
    """Follow wrappers from a loader to the config whose ``dataset`` reads files or joins such."""
    holder = loader
    while isinstance(holder.get("dataset"), dict) and "dataset" in holder.dataset:
        holder = holder.dataset
    return holder
