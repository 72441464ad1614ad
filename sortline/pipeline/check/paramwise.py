"""Check the options by which parameters get learning rates of their own; mmengine ignores those it doesn't know."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from sortline.errors import Problem, nearest
from sortline.pipeline.signatures import Schema

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
