"""Carry the facts of the dataset config to every place of the model, loaders and evaluators that needs them."""

from __future__ import annotations

import copy
import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from mmengine.config import Config, ConfigDict

from sortline.data.sampling_weights import MAIN_SOURCE
from sortline.nested import dicts_below
from sortline.pipeline.class_weights import bind_losses
from sortline.predictions.coco_metrics import METRICS as COCO_METRICS
from sortline.runs.named_score import rule_of

PARTS = ("train", "val", "test")
HEADS = ("bbox_head", "mask_head", "query_head", "auxiliary_head")
SWITCH_HOOKS = ("PipelineSwitchHook", "LastEpochsPipelineHook")
TRANSFORMS_WITH_ANNOTATIONS = ("PasteObjects",)
METRICS_WITH_ANNOTATIONS = ("ContestMetric", "CocoMetric")


JOINED = "SourcesDataset"
# Samplers that take source_weights, with the settings that they can't do without.
OWN_SAMPLERS = {
    "WeightedSampler": (),
    "RepeatFactorSampler": ("thr",),
    "ClassBalancedSampler": (),
    "OversampleSampler": ("factors",),
}


EARLY_STOPPING = ("EarlyStoppingHook", "ResumableEarlyStoppingHook")
COCO_ITEMS = ("mAP", "mAP_50", "mAP_75", "mAP_s", "mAP_m", "mAP_l")


def bind(cfg: Config) -> list[str]:
    """Complete a config from its dataset facts: data, classes, pipelines, sources and the score that decides.

    A value that a config writes where it is used (an ``ann_file`` in a loader, say) is left alone; only
    ``num_classes`` is always set, since a head of another size can't be trained on the classes.
    A config without ``ann_files`` or without ``metainfo`` keeps what it has.

    Args:
        cfg: Changed in place.

    Returns:
        One line for each value set, for the log.
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


def join_sources(cfg: Config) -> list[str]:
    """Put the sources beside the main dataset of a bound train loader, and their weights into its sampler.

    A source is read like the main dataset but for ``ann_file`` and ``data_root``, the config's unless given.

    Args:
        cfg: Changed in place; a second call changes nothing.

    Returns:
        One line for each value set, for the log.
    """
    sources, loader = cfg.get("train_sources"), cfg.get("train_dataloader")
    if not sources or not loader or joined_node(loader.dataset):
        return []
    holder = leaf_holder(loader)
    main = holder["dataset"]
    datasets = [main, *(_source_dataset(main, source) for source in sources)]
    names = [MAIN_SOURCE, *map(source_name, sources)]
    holder["dataset"] = ConfigDict(type=JOINED, datasets=datasets, names=names)
    files = (os.path.join(dataset.get("data_root") or "", dataset.ann_file) for dataset in datasets)
    listed = ", ".join(f"{name} ({file})" for name, file in zip(names, files, strict=True))
    lines = [f"train_dataloader.dataset = {JOINED} of {listed}"]
    if weights := source_weights(cfg):
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


def source_weights(cfg: Config) -> dict[str, float]:
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


def leaf_holder(loader: ConfigDict) -> ConfigDict:
    """Follow wrappers from a loader to the config whose ``dataset`` reads files or joins such."""
    holder = loader
    while isinstance(holder.get("dataset"), dict) and "dataset" in holder.dataset:
        holder = holder.dataset
    return holder


def reported_names(cfg: Config) -> list[str] | None:
    """List the metrics that a config's validation reports; None where an evaluator is not known here."""
    names: list[str] = []
    evaluators = cfg.get("val_evaluator") or []
    classes = (cfg.get("metainfo") or {}).get("classes") or ()
    for evaluator in evaluators if isinstance(evaluators, list | tuple) else [evaluators]:
        if evaluator.get("type") == "ContestMetric":
            own = ["mAP50", *(f"coco_{name}" for name in COCO_METRICS), *(f"AP50_{name}" for name in classes)]
        elif evaluator.get("type") == "CocoMetric":
            own = list(_coco_names(evaluator, classes))
        else:
            return None
        prefix = evaluator.get("prefix") or evaluator.type.removesuffix("Metric").lower()
        names += [f"{prefix}/{name}" for name in own]
    return names


def _coco_names(evaluator: Any, classes: Any) -> Iterator[str]:
    """List what mmdet's CocoMetric reports (mmdet/evaluation/metrics/coco_metric.py)."""
    metrics = evaluator.get("metric", "bbox")
    for metric in metrics if isinstance(metrics, list | tuple) else [metrics]:
        if metric in ("bbox", "segm"):
            yield from (f"{metric}_{item}" for item in evaluator.get("metric_items") or COCO_ITEMS)
            if evaluator.get("classwise"):
                yield from (f"{name}_precision" for name in classes)
        else:
            yield from (f"AR@{number}" for number in evaluator.get("proposal_nums", (100, 300, 1000)))


def bind_score(cfg: Config) -> list[str]:
    """Let the checkpoint hook and early stopping watch the deciding score, where they name no other.

    A config without ``deciding_score`` is decided by the first metric that its evaluators report; one whose checkpoint
    hook names another, by that.

    Args:
        cfg: Changed in place.

    Returns:
        One line for each value set, for the log.
    """
    lines: list[str] = []
    if not cfg.get("val_evaluator"):
        return lines
    checkpoint = (cfg.get("default_hooks") or {}).get("checkpoint")
    written = metric_names(checkpoint.get("save_best")) if checkpoint else []
    stated = cfg.get("deciding_score")
    score = next(iter(written or metric_names(stated) or reported_names(cfg) or []), "auto")
    if stated and score != stated:
        lines.append(f"deciding_score = {score!r} (was {stated!r}): default_hooks.checkpoint.save_best says so")
    if score != "auto":
        cfg.deciding_score = score
    if checkpoint and "save_best" not in checkpoint:
        checkpoint.save_best = score
        lines.append(f"default_hooks.checkpoint.save_best = {score!r}")
    rule = checkpoint.get("rule") if checkpoint else None
    for place, hook in early_stopping_hooks(cfg):
        if "monitor" not in hook and score != "auto":
            hook.monitor = score
            lines.append(f"{place}.monitor = {score!r}")
        if "monitor" in hook and "rule" not in hook:
            hook.rule = rule if isinstance(rule, str) and hook.monitor == score else rule_of(hook.monitor)
    return lines


def metric_names(value: Any) -> list[str]:
    """Return the metrics that a config names, one or several."""
    if not value:
        return []
    return list(value) if isinstance(value, list | tuple) else [value]


def early_stopping_hooks(cfg: Config) -> Iterator[tuple[str, Any]]:
    """List the hooks that stop early, with their places."""
    hooks = [(f"default_hooks.{name}", hook) for name, hook in (cfg.get("default_hooks") or {}).items()]
    hooks += [(f"custom_hooks.{index}", hook) for index, hook in enumerate(cfg.get("custom_hooks") or [])]
    return ((place, hook) for place, hook in hooks if hook and hook.get("type") in EARLY_STOPPING)
