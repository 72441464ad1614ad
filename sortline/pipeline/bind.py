"""Carry the facts of the dataset config to every place of the model, loaders and evaluators that needs them."""

from __future__ import annotations

import os
from collections.abc import Iterator
from typing import Any

from mmengine.config import Config, ConfigDict

from sortline.nested import dicts_below
from sortline.pipeline.class_weights import bind_losses
from sortline.pipeline.deciding_score import bind_score
from sortline.pipeline.train_sources import join_sources

PARTS = ("train", "val", "test")
HEADS = ("bbox_head", "mask_head", "query_head", "auxiliary_head")
SWITCH_HOOKS = ("PipelineSwitchHook", "LastEpochsPipelineHook")
TRANSFORMS_WITH_ANNOTATIONS = ("PasteObjects",)
METRICS_WITH_ANNOTATIONS = ("ContestMetric", "CocoMetric")


def bind(cfg: Config) -> list[str]:
    """Complete a config from its dataset facts: data, classes, pipelines, sources and the score that decides.

    A value that a config writes where it is used (an ``ann_file`` in a loader, say) is left alone; only
    ``num_classes`` is always set, since a head of another size can't be trained on the classes.
    A config without ``ann_files`` or without ``metainfo`` keeps what it has.

    Args:
        cfg: Changed in place.

    Returns:
        One line for each value set, for the log.

    Raises:
        InputError: ``train_sources`` is not sound.
    """
    lines: list[str] = []
    for part in PARTS:
        loader = cfg.get(f"{part}_dataloader")
        if loader is None:
            continue
        _bind_workers(loader, f"{part}_dataloader", lines)
        _bind_pipeline(cfg, part, loader.dataset, lines)
        for dataset in leaf_datasets(loader.dataset):
            _bind_dataset(cfg, part, dataset, lines)
    lines += join_sources(cfg)
    for part in ("val", "test"):
        _bind_evaluator(cfg, part, lines)
    lines += bind_score(cfg)
    if classes := class_names(cfg):
        model = cfg.get("model") or {}
        # A detector that is not made of heads, such as TorchvisionDetector, says so by a num_classes of its own.
        _bind_heads(model, len(classes), "model", lines, in_head="num_classes" in model)
        lines += bind_losses(cfg, classes, _train_files(cfg))
    _bind_switch_pipelines(cfg, lines)
    _bind_transforms(cfg, lines)
    return lines


def _train_files(cfg: Config) -> list[str]:
    """List the annotation files that a bound config trains on."""
    loader = cfg.get("train_dataloader")
    return [annotation_path(dataset) for dataset in leaf_datasets(loader.dataset)] if loader else []


def class_names(cfg: Config) -> tuple[str, ...]:
    """Return the classes that the dataset config names, or none."""
    return tuple((cfg.get("metainfo") or {}).get("classes") or ())


def leaf_datasets(dataset: ConfigDict) -> Iterator[ConfigDict]:
    """Walk through dataset wrappers to the datasets that read files."""
    if "datasets" in dataset:
        for child in dataset.datasets:
            yield from leaf_datasets(child)
    elif "dataset" in dataset:
        yield from leaf_datasets(dataset.dataset)
    else:
        yield dataset


def as_list(value: Any) -> list[Any]:
    """Return what a config may write as one dict, a list of them or None, such as evaluators, as a list."""
    if value is None:
        return []
    return list(value) if isinstance(value, list | tuple) else [value]


def annotation_path(dataset: ConfigDict) -> str:
    """Return the annotation file of a leaf dataset's config, as its class will open it."""
    return os.path.join(dataset.get("data_root") or "", dataset.get("ann_file") or "")


def _set(node: ConfigDict, key: str, value: Any, place: str, lines: list[str], shown: str = "") -> None:
    """Set a value and say so; an existing equal value is no news."""
    if key in node and node[key] == value:
        return
    was = f" (was {node[key]!r})" if key in node else ""
    node[key] = value
    lines.append(f"{place}.{key} = {shown or repr(value)}{was}")


def _bind_pipeline(cfg: Config, part: str, dataset: ConfigDict, lines: list[str]) -> None:
    """Give the outermost dataset that transforms its ``<part>_pipeline``, so that an override of it counts."""
    place = f"{part}_dataloader.dataset"
    name = f"{part}_pipeline"
    if part == "val" and "val_pipeline" not in cfg:
        name = "test_pipeline"
    pipeline = cfg.get(name)
    if pipeline is None:
        return
    if dataset.get("type") == "MultiImageMixDataset":
        # Transforms that mix images take whole samples: the inner dataset only loads them.
        targets = [(dataset, pipeline, name)]
        targets += [(leaf, cfg.get("load_pipeline"), "load_pipeline") for leaf in leaf_datasets(dataset)]
    else:
        targets = [(leaf, pipeline, name) for leaf in leaf_datasets(dataset)]
    for node, value, source in targets:
        if value is not None and "pipeline" not in node:
            _set(node, "pipeline", _copied(value), place, lines, shown=f"{source} ({len(value)} steps)")


def _bind_dataset(cfg: Config, part: str, dataset: ConfigDict, lines: list[str]) -> None:
    place = f"{part}_dataloader.dataset"
    ann_files = cfg.get("ann_files") or {}
    if "ann_file" not in dataset and ann_files.get(part):
        _set(dataset, "ann_file", ann_files[part], place, lines)
    if "data_root" not in dataset and cfg.get("data_root") and ann_files:
        _set(dataset, "data_root", cfg.data_root, place, lines)
    if "data_prefix" not in dataset and ann_files:
        dataset.data_prefix = dict(img="")  # file_name carries its folder
    if "metainfo" not in dataset and cfg.get("metainfo"):
        count = len(class_names(cfg))
        _set(dataset, "metainfo", _copied(cfg.metainfo), place, lines, shown=f"metainfo ({count} classes)")
    if part != "train" and "test_mode" not in dataset and ann_files:
        dataset.test_mode = True


def _bind_workers(loader: ConfigDict, place: str, lines: list[str]) -> None:
    """Switch off what torch's DataLoader refuses without worker processes."""
    if loader.get("num_workers", 0) != 0:
        return
    if loader.get("persistent_workers"):
        _set(loader, "persistent_workers", False, place, lines, shown="False, since num_workers is 0")
    if loader.get("prefetch_factor") is not None:
        _set(loader, "prefetch_factor", None, place, lines, shown="None, since num_workers is 0")


def _bind_evaluator(cfg: Config, part: str, lines: list[str]) -> None:
    """Point the evaluators at the file that their loader reads."""
    loader, evaluators = cfg.get(f"{part}_dataloader"), cfg.get(f"{part}_evaluator")
    if loader is None or evaluators is None:
        return
    dataset = next(leaf_datasets(loader.dataset))
    if not dataset.get("ann_file"):
        return
    path = annotation_path(dataset)
    for evaluator in as_list(evaluators):
        if evaluator.get("type") in METRICS_WITH_ANNOTATIONS and "ann_file" not in evaluator:
            _set(evaluator, "ann_file", path, f"{part}_evaluator", lines)


def _bind_heads(node: Any, count: int, place: str, lines: list[str], in_head: bool = False) -> None:
    """Set ``num_classes`` on every head, a list of heads included; a region proposal head has none."""
    if isinstance(node, list):
        for index, item in enumerate(node):
            _bind_heads(item, count, f"{place}.{index}", lines, in_head)
        return
    if not isinstance(node, dict):
        return
    if in_head and "type" in node:
        _set(node, "num_classes", count, place, lines)
    for key, value in node.items():
        if key != "rpn_head":
            _bind_heads(value, count, f"{place}.{key}", lines, in_head=key in HEADS)


def _bind_switch_pipelines(cfg: Config, lines: list[str]) -> None:
    """Give hooks that change the pipeline late in training the config's ``train_pipeline_stage2``."""
    for index, hook in enumerate(cfg.get("custom_hooks") or []):
        missing = hook.get("type") in SWITCH_HOOKS and "switch_pipeline" not in hook
        if missing and cfg.get("train_pipeline_stage2"):
            value = _copied(cfg.train_pipeline_stage2)
            _set(hook, "switch_pipeline", value, f"custom_hooks.{index}", lines, shown="train_pipeline_stage2")


def _bind_transforms(cfg: Config, lines: list[str]) -> None:
    """Point transforms that take objects from other photos at the file that the train loader reads, and no other."""
    if not cfg.get("train_dataloader"):
        return
    dataset = next(leaf_datasets(cfg.train_dataloader.dataset))
    facts = {key: dataset[key] for key in ("ann_file", "data_root", "metainfo") if key in dataset}
    for _, step in dicts_below([cfg.train_dataloader.dataset, cfg.get("custom_hooks")]):
        for key, value in facts.items() if step.get("type") in TRANSFORMS_WITH_ANNOTATIONS else ():
            if key not in step:
                _set(step, key, _copied(value), step.type, lines, shown="the train loader's")


def _copied(value: Any) -> Any:
    """Copy plain containers, so that one place's later edit does not reach another."""
    if isinstance(value, dict):
        return ConfigDict({key: _copied(item) for key, item in value.items()})
    if isinstance(value, list | tuple):
        return type(value)(_copied(item) for item in value)
    return value
