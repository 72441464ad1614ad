"""Check the files that a config names, and its schedule, before any weight is built."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

from mmengine.config import Config

from sortline.data.annotations import check_categories, read_annotations
from sortline.data.check.photo_checks import check_images
from sortline.errors import InputError, Problem
from sortline.pipeline.bind import PARTS, annotation_path, as_list, class_names, leaf_datasets
from sortline.pipeline.check.sampling import check_leaks, check_sampler
from sortline.pipeline.train_sources import joined_node


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


def check_schedule(cfg: Config) -> list[Problem]:
    """A learning-rate step behind the end of the run would never be taken, nor epochs before its last ones."""
    epochs = (cfg.get("train_cfg") or {}).get("max_epochs")
    if not epochs:
        return []
    problems: list[Problem] = []
    for index, scheduler in enumerate(as_list(cfg.get("param_scheduler"))):
        if not scheduler.get("by_epoch", True):
            continue
        late = [milestone for milestone in scheduler.get("milestones", []) if milestone >= epochs]
        late += [scheduler.begin] if scheduler.get("begin", 0) >= epochs else []
        if late:
            what = f"{late[0]} lies behind the last of {epochs} epochs: this step would never be taken"
            problems.append(Problem(f"param_scheduler.{index}", what, "fit the plan to train_cfg.max_epochs"))
    for index, hook in enumerate(cfg.get("custom_hooks") or []):
        if hook.get("type") == "LastEpochsPipelineHook" and hook.get("last_epochs", 0) >= epochs:
            what = f"the last {hook.last_epochs} of {epochs} epochs go without strong augmentation: none is left for it"
            remedy = "set the recipe's last_epochs_without to fewer epochs, or leave the recipe out"
            problems.append(Problem(f"custom_hooks.{index}", what, remedy))
    return problems
