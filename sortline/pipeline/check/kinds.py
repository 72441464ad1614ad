"""Check that values are of the kind that later steps take apart: dicts, lists of dicts, names."""

from __future__ import annotations

from typing import Any

from mmengine.config import Config

from sortline.errors import Problem
from sortline.pipeline.bind import PARTS
from sortline.pipeline.train_sources import check_sources

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
