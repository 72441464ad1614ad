"""The one check of a config, before any weight is built: all its problems together."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from typing import Any

from mmengine.config import Config

from sortline.data.sampling_weights import MAIN_SOURCE, is_positive
from sortline.errors import Problem, nearest
from sortline.pipeline.bind import OWN_SAMPLERS, PARTS, joined_node, leaf_holder, source_name, source_weights
from sortline.pipeline.check.data import check_data
from sortline.pipeline.check.keys import check_keys, check_values
from sortline.pipeline.check.training import check_loops, check_schedule, check_secrets, check_training
from sortline.pipeline.registered import Schema, load_schema, own_imports
from sortline.pipeline.tta import check_tta

DICTS = (
    "model",
    "metainfo",
    "ann_files",
    "default_hooks",
    "optim_wrapper",
    "visualizer",
    "custom_imports",
    "randomness",
    *(f"{part}_{suffix}" for part in PARTS for suffix in ("dataloader", "cfg")),
)
LISTS = ("custom_hooks", "load_pipeline", "train_pipeline", "train_pipeline_stage2", "val_pipeline", "test_pipeline")
DICT_OR_LISTS = ("param_scheduler", "val_evaluator", "test_evaluator")
PIPELINES = tuple(key for key in LISTS if key.endswith(("pipeline", "stage2")))


SOURCE_KEYS = ("ann_file", "data_root", "name", "weight")


def check(
    edited: Config,
    bound: Config | None = None,
    parts: Sequence[str] = PARTS,
    overrides: Sequence[str] = (),
    schema: Schema | None = None,
    recorded: bool = False,
) -> list[Problem]:
    """Find everything that is wrong with a config.

    Args:
        edited: The config as composed and edited, its values of the right kinds (:func:`check_kinds`). Keys are
            looked at here, since binding writes some values to several places.
        bound: The same config after binding: whose files are looked at. None where it could not be bound, or where
            files don't count.
        parts: Loaders whose files are checked.
        overrides: Keys given with ``--cfg-options``.
        schema: What registered types accept; learnt by importing what the config names unless given.
        recorded: The config comes from a run's record, and no file tells which variables it uses.
    """
    schema = schema or load_schema(own_imports(edited))
    problems = check_values(edited, schema) if recorded else check_keys(edited, schema, overrides)
    for find in (check_loops, check_schedule, check_training, check_secrets):
        problems += find(edited)
    problems += check_tta(edited) if "tta" in edited else []
    return problems + (check_data(bound, tuple(parts)) if bound is not None else [])


def check_kinds(cfg: Config) -> list[Problem]:
    """Find values of a wrong kind, such as a name where a dict with a ``type`` belongs.

    Args:
        cfg: A config as read, before it is bound.
    """
    source = str(cfg.filename or "the config")
    problems: list[Problem] = []

    def expect(good: bool, key: str, value: Any, wanted: str) -> None:
        if not good:
            problems.append(Problem(f"{source}, {key}", f"is {value!r}", f"write {wanted}"))

    for key in DICTS:
        expect(isinstance(cfg.get(key), dict | None), key, cfg.get(key), "a dict, or None for none")
    for key in LISTS:
        value = cfg.get(key)
        good = value is None or (isinstance(value, list | tuple) and all(isinstance(item, dict) for item in value))
        expect(good, key, value, "a list of dicts, each with a type")
        if good and key in PIPELINES:
            expect(value is None or len(value) > 0, key, value, "at least one step")
    for key in DICT_OR_LISTS:
        value = cfg.get(key)
        items = value if isinstance(value, list) else [value] if value is not None else []
        expect(all(isinstance(item, dict) for item in items), key, value, "a dict with a type, or a list of such")
    if problems:
        return problems
    for key, wanted in (
        ("data_root", "the path of a folder"),
        ("load_from", "the path of a checkpoint"),
        ("deciding_score", 'the name of one metric of val_evaluator, such as "coco/bbox_mAP"'),
    ):
        expect(isinstance(cfg.get(key), str | None), key, cfg.get(key), wanted)
    for part, name in (cfg.get("ann_files") or {}).items():
        expect(isinstance(name, str | None), f"ann_files.{part}", name, "the name of a file below data_root, or None")
    classes = (cfg.get("metainfo") or {}).get("classes", ())
    named = isinstance(classes, list | tuple) and all(isinstance(name, str) for name in classes)
    expect(named, "metainfo.classes", classes, "a tuple of names")
    fraction = cfg.get("val_fraction")
    good = fraction is None or (isinstance(fraction, int | float) and 0 < fraction < 1)
    expect(good, "val_fraction", fraction, "a number between 0 and 1")
    template = cfg.get("fold_files")
    good = template is None or (isinstance(template, str) and "{fold}" in template and "{part}" in template)
    expect(good, "fold_files", template, "a path with {fold} and {part} in it: 'folds/fold_{fold}_{part}.json'")
    for part in PARTS:
        _check_loader(cfg, part, expect)
    for name, hook in (cfg.get("default_hooks") or {}).items():
        expect(isinstance(hook, dict | None), f"default_hooks.{name}", hook, "a dict with a type, or None for none")
    return problems + check_sources(cfg)


def _check_loader(cfg: Config, part: str, expect: Any) -> None:
    loader = cfg.get(f"{part}_dataloader")
    if loader is None:
        return
    dataset = loader.get("dataset")
    expect(isinstance(dataset, dict), f"{part}_dataloader.dataset", dataset, "a dict with the type of a dataset")
    size = loader.get("batch_size", 1)
    expect(isinstance(size, int) and size > 0, f"{part}_dataloader.batch_size", size, "a whole number from 1 on")
    workers = loader.get("num_workers", 0)
    good = isinstance(workers, int) and workers >= 0
    expect(good, f"{part}_dataloader.num_workers", workers, "a whole number from 0 on")


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
    node = leaf_holder(loader).get("dataset")
    if isinstance(node, dict) and "datasets" in node:
        what = f"already joins datasets ({node.get('type')}): train_sources would join them to more"
        return [Problem("train_dataloader.dataset", what, "write all of them into train_sources")]
    sampler = loader.get("sampler")
    sampler = sampler.get("type") if isinstance(sampler, dict) else "DefaultSampler"
    if source_weights(cfg) and sampler not in ("DefaultSampler", *OWN_SAMPLERS):
        what = f"{sampler} can't weigh sources, as train_sources asks for"
        remedy = f"use one of {', '.join(OWN_SAMPLERS)}, or leave the weights out"
        return [Problem("train_dataloader.sampler.type", what, remedy)]
    return []
