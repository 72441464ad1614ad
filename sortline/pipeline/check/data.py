"""Check the files that a bound config names, and how they are sampled."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from mmengine.config import Config, ConfigDict

from sortline.data.annotations import check_categories, read_annotations
from sortline.data.check.photo_checks import check_images
from sortline.data.sampling_weights import MAIN_SOURCE, setting_problems
from sortline.errors import InputError, Problem, counted
from sortline.files import read_json
from sortline.pipeline.bind import (
    OWN_SAMPLERS,
    PARTS,
    annotation_path,
    as_list,
    class_names,
    joined_node,
    leaf_datasets,
)


def check_data(cfg: Config, parts: tuple[str, ...] = PARTS) -> list[Problem]:
    """Check the files that a bound config names: annotations, their categories, the images; and the sampling.

    Args:
        cfg: A bound config.
        parts: Loaders to look at.
    """
    problems: list[Problem] = []
    seen: set[tuple[str, str]] = set()
    classes = class_names(cfg)
    for part in parts:
        loader = cfg.get(f"{part}_dataloader")
        for place, dataset in _placed_datasets(loader.dataset) if loader else ():
            path = annotation_path(dataset)
            if not dataset.get("ann_file"):
                what = "names no annotation file"
                remedy = f"name one, or set {part}_dataloader, {part}_cfg and {part}_evaluator to None"
                problems.append(Problem(f"ann_files.{part}", what, remedy))
            elif (source := (path, dataset.get("data_root") or "")) not in seen:
                seen.add(source)
                problems += _check_annotation_file(path, dataset, classes, place)
        problems += _check_evaluators(cfg, part)
    if {"train", "val"} <= set(parts) and not problems:
        problems += check_leaks(cfg)
    if "train" in parts and not problems:
        problems += check_batches(cfg)
    return problems + (check_sampler(cfg) if "train" in parts else [])


def _placed_datasets(dataset: dict[str, Any]) -> Iterator[tuple[str, dict[str, Any]]]:
    """List the datasets that read files with the config key that says where: an empty one for the config's own."""
    joined = joined_node(dataset)
    for index, leaf in enumerate(leaf_datasets(dataset)):
        yield f"train_sources.{index - 1}." if joined and index else "", leaf


def _check_annotation_file(
    path: str, dataset: dict[str, Any], classes: tuple[str, ...], place: str = ""
) -> list[Problem]:
    root = Path(dataset.get("data_root") or ".")
    if not root.is_dir():
        remedy = "put the data there, or " + ("correct the path" if place else "name its folder with --data-root")
        return [Problem(f"{place}data_root", f"no such folder: {root}", remedy)]
    try:
        annotations = read_annotations(path)
    except InputError as error:
        return error.problems
    problems = check_categories(annotations, classes, path) if classes else []
    prefix = (dataset.get("data_prefix") or {}).get("img", "")
    return problems + check_images(annotations, root / prefix, path)


def check_batches(cfg: Config) -> Iterator[Problem]:
    """A training set smaller than a batch gives none where incomplete batches are dropped.

    Args:
        cfg: A bound config whose annotation files are sound.
    """
    loader = cfg.get("train_dataloader")
    if not loader:
        return
    sampler = loader.get("batch_sampler") or {}
    key = "train_dataloader.drop_last" if loader.get("drop_last") else "train_dataloader.batch_sampler.drop_last"
    if not (loader.get("drop_last") or sampler.get("drop_last")):
        return
    paths = [annotation_path(dataset) for dataset in leaf_datasets(loader.dataset)]
    images, size = sum(len(read_json(path)["images"]) for path in paths), loader.get("batch_size", 1)
    if images < size:
        what = f"there are {images} images to train on, fewer than a batch of {size}: all of them would be dropped"
        yield Problem(key, what, f"set it to False, or train_dataloader.batch_size to at most {images}")


def _check_evaluators(cfg: Config, part: str) -> Iterator[Problem]:
    """The evaluator must score the file that the loader reads."""
    loader, evaluators = cfg.get(f"{part}_dataloader"), cfg.get(f"{part}_evaluator")
    if not loader or not evaluators:
        return
    path = annotation_path(next(leaf_datasets(loader.dataset)))
    for evaluator in as_list(evaluators):
        scored = evaluator.get("ann_file")
        if scored and Path(scored).resolve() != Path(path).resolve():
            what = f"the evaluator scores {scored}, the loader reads {path}"
            yield Problem(f"{part}_evaluator.ann_file", what, "leave it out: it is taken from the loader")


def check_sampler(cfg: Config) -> list[Problem]:
    """Check the settings of a train loader's sampler, if it is one of Sortline's."""
    loader = cfg.get("train_dataloader") or {}
    sampler: Any = loader.get("sampler") or {}
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
