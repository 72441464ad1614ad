"""Check every key and type of a config against what will receive it, before any weight is built."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any

from mmengine.config import Config

from sortline.errors import Problem, nearest
from sortline.pipeline.bind import PARTS
from sortline.pipeline.compose import chain_variables, config_chain
from sortline.pipeline.recipes import PREFIX
from sortline.pipeline.registered import Schema, Signature

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

CONSTRUCTOR = "optimizer wrapper constructor"
DEFAULT_CONSTRUCTOR = "DefaultOptimWrapperConstructor"
# https://mmengine.readthedocs.io/en/latest/api/generated/mmengine.optim.DefaultOptimWrapperConstructor.html
DEFAULT_KEYS = frozenset(
    [
        "bias_decay_mult",
        "bias_lr_mult",
        "bypass_duplicate",
        "custom_keys",
        "dcn_offset_lr_mult",
        "dwconv_decay_mult",
        "flat_decay_mult",
        "norm_decay_mult",
    ]
)
# A constructor that is not listed, one of the user's own, takes what it likes.
PARAMWISE_KEYS = {
    DEFAULT_CONSTRUCTOR: DEFAULT_KEYS,
    "LayerwiseOptimWrapperConstructor": DEFAULT_KEYS | {"layer_decay", "part_lr"},
    # mmdet's reads its own three alone; its configs inherit others from their schedules.
    "LearningRateDecayOptimizerConstructor": DEFAULT_KEYS | {"decay_rate", "decay_type", "num_layers"},
}


def check_keys(cfg: Config, schema: Schema, options: Sequence[str] = ()) -> list[Problem]:
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


def _check_top_level(cfg: Config, options: Sequence[str]) -> Iterator[Problem]:
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


def check_paramwise(wrapper: Mapping[str, Any], schema: Schema, source: str) -> list[Problem]:
    """Check ``constructor`` and ``paramwise_cfg`` of an optimiser.

    Args:
        wrapper: The config's ``optim_wrapper``.
        schema: What the registered types accept.
        source: The config, for messages.
    """
    where = f"{source}, optim_wrapper"
    named = wrapper.get("constructor")
    constructor = str(named or DEFAULT_CONSTRUCTOR).rpartition(".")[2]
    if named and not any(signature.registry == CONSTRUCTOR for signature in schema.types.get(constructor, ())):
        names = [name for name, found in schema.types.items() if any(each.registry == CONSTRUCTOR for each in found)]
        remedy = nearest(constructor, names) or f"choose from {', '.join(sorted(names))}"
        return [Problem(f"{where}.constructor", f"no {CONSTRUCTOR} is registered as {constructor!r}", remedy)]
    options = wrapper.get("paramwise_cfg") or {}
    known = PARAMWISE_KEYS.get(constructor)
    if known is None or not isinstance(options, Mapping):
        return []
    place = f"{where}.paramwise_cfg"
    problems = list(_unknown(options, known, place, constructor))
    return problems + list(_check_custom_keys(options.get("custom_keys"), wrapper, schema, place))


def _check_custom_keys(custom_keys: Any, wrapper: Mapping[str, Any], schema: Schema, place: str) -> Iterator[Problem]:
    """A setting in a custom key is a multiplier or an argument of the optimiser; any other is kept and never read."""
    optimizer = wrapper.get("optimizer") or {}
    signatures = schema.types.get(str(optimizer.get("type")), ())
    if not isinstance(custom_keys, Mapping) or not signatures or any(signature.open for signature in signatures):
        return
    known = {"lr_mult", "decay_mult"}.union(*(signature.keys for signature in signatures)) - {"params"}
    for name, settings in custom_keys.items():
        if isinstance(settings, Mapping):
            yield from _unknown(settings, known, f"{place}.custom_keys.{name}", str(optimizer["type"]))


def _unknown(options: Mapping[str, Any], known: Iterable[str], place: str, taker: str) -> Iterator[Problem]:
    for key in options:
        if key not in known and key not in ("_delete_", "type"):
            remedy = nearest(key, known) or f"it takes {', '.join(sorted(known))}"
            yield Problem(f"{place}.{key}", f"{taker} takes no {key!r}", remedy)
