"""Check every key and type of a config against what will receive it, before any weight is built."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

from mmengine.config import Config

from sortline.errors import Problem, nearest
from sortline.pipeline.bind import PARTS
from sortline.pipeline.check.paramwise import check_paramwise
from sortline.pipeline.key_origins import chain_variables, config_chain
from sortline.pipeline.recipes import PREFIX
from sortline.pipeline.signatures import Schema, Signature

# Keys that Sortline's own tools read, beside the arguments of mmengine's Runner.
BOUND_KEYS = (
    "all_data",
    "ann_files",
    "class_weights",
    "data_root",
    "deciding_score",
    "dataset_type",
    "load_pipeline",
    "metainfo",
    "recipes",
    "start_from",
    "teacher_from",
    "test_pipeline",
    "train_pipeline",
    "train_pipeline_stage2",
    "train_sources",
    "tta",
    "val_fraction",
    "fold_files",
    "fold",
    "val_pipeline",
)
RUNNER_KEYS = (
    "activation_checkpointing",
    "auto_scale_lr",
    "compile",
    "custom_hooks",
    "custom_imports",
    "data_preprocessor",
    "default_hooks",
    "default_scope",
    "efficient_conv_bn_eval",
    "env_cfg",
    "experiment_name",
    "find_unused_parameters",
    "launcher",
    "load_from",
    "log_level",
    "log_processor",
    "model",
    "model_wrapper_cfg",
    "optim_wrapper",
    "param_scheduler",
    "randomness",
    "resume",
    "runner_type",
    "sync_bn",
    "test_cfg",
    "test_dataloader",
    "test_evaluator",
    "train_cfg",
    "train_dataloader",
    "tta_model",
    "tta_pipeline",
    "val_cfg",
    "val_dataloader",
    "val_evaluator",
    "vis_backends",
    "visualizer",
    "work_dir",
)
KNOWN_KEYS = frozenset(BOUND_KEYS + RUNNER_KEYS)

LOADER_KEYS = frozenset(
    [
        "batch_sampler",
        "batch_size",
        "collate_fn",
        "dataset",
        "drop_last",
        "num_batch_per_epoch",
        "num_workers",
        "persistent_workers",
        "pin_memory",
        "prefetch_factor",
        "sampler",
        "timeout",
        "worker_init_fn",
    ]
)
# Dicts without a type whose receiver is known.
PLAIN_KEYS = {
    r"(train|val|test)_dataloader": LOADER_KEYS,
    r"env_cfg": frozenset(["cudnn_benchmark", "mp_cfg", "dist_cfg", "resource_limit"]),
    r"env_cfg\.mp_cfg": frozenset(["mp_start_method", "opencv_num_threads", "omp_num_threads", "mkl_num_threads"]),
    r"auto_scale_lr": frozenset(["enable", "base_batch_size"]),
    r"randomness": frozenset(["seed", "diff_rank_seed", "deterministic"]),
    r"ann_files": frozenset([*PARTS, "held_out_from"]),  # the last by holdout.py
}
# Dicts that mmengine builds without a type: the type that it takes then.
DEFAULT_TYPES = {
    r"train_cfg": "EpochBasedTrainLoop",
    r"val_cfg": "ValLoop",
    r"test_cfg": "TestLoop",
    r"optim_wrapper": "OptimWrapper",
    r"log_processor": "LogProcessor",
}
# Keys that are taken out of a dict before its type receives the rest.
EXTRA_KEYS = {
    r".*norm_cfg": {"requires_grad"},
    r".*(conv_cfg|dcn)": {"fallback_on_stride", "deformable_groups"},
    r".*loss_cls": {"bg_cls_weight"},
    r".*\.(nms|dqs_cfg)": {"class_agnostic", "split_thr"},
    r".*upsample_cfg": {"scale_factor", "mode", "upsample_kernel"},
    r"(default_hooks\.\w+|custom_hooks\.\d+)": {"priority"},
    r".*init_cfg(\.\d+|\.override(\.\d+)?)?": {"layer", "override", "bias", "bias_prob", "distribution", "name"},
    r"param_scheduler(\.\d+)?": {"convert_to_iter_based"},
    r"train_cfg": {"by_epoch"},
    r"optim_wrapper": {"constructor", "paramwise_cfg"},
}
# Where a type is looked up; the first pattern that matches a dict's path decides.
REGISTRIES = (
    (r"(train|val|test)_dataloader\.(batch_)?sampler", ("data sampler",)),
    (r"(train|val|test)_dataloader\.collate_fn", ("function",)),
    (r"(.*\.)?\w*pipeline\w*(\.\d+)+(\.transforms.*)?", ("transform",)),
    (r"(train|val|test)_dataloader\.dataset(\.datasets\.\d+|\.dataset)*", ("dataset",)),
    (r"(default_hooks\.\w+|custom_hooks\.\d+)", ("hook",)),
    (r"(train|val|test)_evaluator(\.\d+)?", ("metric", "evaluator")),
    (r"param_scheduler(\.\d+)?", ("parameter scheduler",)),
    (r"optim_wrapper\.optimizer", ("optimizer",)),
    (r"optim_wrapper", ("optim_wrapper",)),
    (r"visualizer", ("visualizer",)),
    (r"(visualizer\.)?vis_backends\.\d+", ("vis_backend",)),
    (r"(train|val|test)_cfg", ("loop",)),
    (r".*\.roi_layer", ("op",)),
    (r".*\.(nms|dqs_cfg)", ("op",)),
    (r"model.*", ("model", "task util", "weight initializer")),
)
# Below these keys types and keys belong to another library or are names of the user's own.
FOREIGN = re.compile(
    r".*(\.keymap|\.bbox_params|\.\w+_trans|\.adapt_cfg|paramwise_cfg\.custom_keys|\.init_kwargs|metainfo)(\..*)?"
)
FOREIGN_CHILDREN = {"Albu": "transforms", "RandomAlbumentations": "transforms", "Detectron2Wrapper": "detector"}


def check_keys(cfg: Config, schema: Schema, options: tuple[str, ...] = ()) -> list[Problem]:
    """Check every key and type of a config against what will receive it.

    Args:
        cfg: The config as composed from its files and overrides.
        schema: What the registered types accept.
        options: Keys given with ``--cfg-options``.
    """
    return [*_check_top_level(cfg, options), *check_values(cfg, schema)]


def check_values(cfg: Config, schema: Schema) -> list[Problem]:
    """Check what a config's top-level keys hold, as :func:`check_keys` does, and not which of these there are."""
    source = str(cfg.filename or "the config")
    problems: list[Problem] = []
    for key, value in cfg.items():
        if key in KNOWN_KEYS:
            problems += _check_node(value, key, schema, source)
    if isinstance(cfg.get("optim_wrapper"), dict):
        problems += check_paramwise(cfg.optim_wrapper, schema, source)
    return problems


def _check_top_level(cfg: Config, options: tuple[str, ...]) -> Iterator[Problem]:
    """A top-level key must be read by a tool, or be a variable that its own file uses."""
    chain = config_chain(cfg.filename) if cfg.filename else []
    variables = chain_variables(chain)
    for option in options:
        head = option.partition(".")[0]
        if head in KNOWN_KEYS or head.startswith(PREFIX):  # recipes are looked at as they are put in
            continue
        if head in variables:
            what = f"{head} is a variable of the config file, used by now: setting it changes nothing"
            yield Problem(f"--cfg-options {option}", what, "override the key that it was written into")
        else:
            yield Problem(f"--cfg-options {option}", f"no tool reads {head!r}", nearest(head, KNOWN_KEYS))
    given = {option.partition(".")[0] for option in options}
    for key in cfg:
        if key not in KNOWN_KEYS and key not in variables and key not in given:
            remedy = nearest(key, KNOWN_KEYS) or "remove it, or start its name with _ if the file needs it"
            yield Problem(f"{cfg.filename}, {key}", "no tool reads this key and the file does not use it", remedy)


def _check_node(node: Any, path: str, schema: Schema, source: str) -> list[Problem]:
    """Check a value and everything in it."""
    if FOREIGN.fullmatch(path):
        return []
    problems: list[Problem] = []
    if isinstance(node, dict):
        problems += _check_dict(node, path, schema, source)
        children = [(key, value) for key, value in node.items() if FOREIGN_CHILDREN.get(node.get("type", "")) != key]
    elif isinstance(node, list | tuple):
        children = [(str(index), value) for index, value in enumerate(node)]
    else:
        children = []
    for key, value in children:
        problems += _check_node(value, f"{path}.{key}", schema, source)
    return problems


def _check_dict(node: dict[str, Any], path: str, schema: Schema, source: str) -> list[Problem]:
    where = f"{source}, {path}"
    name = node.get("type") or _first_match(DEFAULT_TYPES, path)
    if isinstance(name, str):
        signatures = schema.types.get(name.rpartition(".")[2] if "torch." not in name else name, ())
        kinds = _expected_kinds(path)
        fitting = [signature for signature in signatures if not kinds or signature.registry in kinds]
        if not fitting:
            return [_unknown_type(name, signatures, kinds, where, schema)]
        return _check_against(node, fitting, name, path, where)
    known = _first_match(PLAIN_KEYS, path)
    if known is not None:
        return [
            Problem(f"{where}.{key}", "unknown key", nearest(key, known) or f"known: {', '.join(sorted(known))}")
            for key in node
            if key not in known
        ]
    if path.startswith("model"):
        return [
            Problem(f"{where}.{key}", "no code reads a key of this name", nearest(key, schema.words))
            for key in node
            if isinstance(key, str) and key.isidentifier() and key not in schema.words
        ]
    return []


def _check_against(
    node: dict[str, Any], signatures: list[Signature], name: str, path: str, where: str
) -> list[Problem]:
    """Each key must be an argument of one of the types of this name."""
    if any(signature.open for signature in signatures):
        return []
    keys = {key for signature in signatures for key in signature.keys}
    extra = {"type", "_scope_", "_delete_"}
    for pattern, names in EXTRA_KEYS.items():
        if re.fullmatch(pattern, path):
            extra |= names
    return [
        Problem(
            f"{where}.{key}",
            f"{name} takes no {key!r}",
            nearest(key, keys) or f"it takes {', '.join(sorted(keys))}",
        )
        for key in node
        if key not in keys and key not in extra
    ]


def _unknown_type(
    name: str, signatures: tuple[Signature, ...], kinds: tuple[str, ...], where: str, schema: Schema
) -> Problem:
    if signatures:
        found = " or ".join(sorted({signature.registry for signature in signatures}))
        return Problem(f"{where}.type", f"{name!r} is a {found}; a {' or '.join(kinds)} belongs here")
    names = [
        other
        for other, candidates in schema.types.items()
        if not kinds or any(candidate.registry in kinds for candidate in candidates)
    ]
    kind = kinds[0] if kinds else "type"
    return Problem(f"{where}.type", f"no {kind} is registered as {name!r}", nearest(name, names))


def _expected_kinds(path: str) -> tuple[str, ...]:
    return next((kinds for pattern, kinds in REGISTRIES if re.fullmatch(pattern, path)), ())


def _first_match(table: dict[str, Any], path: str) -> Any:
    return next((value for pattern, value in table.items() if re.fullmatch(pattern, path)), None)
