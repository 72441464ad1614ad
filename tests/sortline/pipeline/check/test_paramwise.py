"""Options of optimisers that mmengine would ignore in silence."""

from typing import Any

import pytest

from sortline.pipeline.check.paramwise import CONSTRUCTOR, check_paramwise
from sortline.pipeline.signatures import Schema, Signature

LAYERWISE = "LayerwiseOptimWrapperConstructor"
SCHEMA = Schema(
    types={
        LAYERWISE: (Signature(CONSTRUCTOR, ("optim_wrapper_cfg", "paramwise_cfg"), False),),
        "Mine": (Signature(CONSTRUCTOR, ("optim_wrapper_cfg", "paramwise_cfg"), False),),
        "SGD": (Signature("optimizer", ("params", "lr", "momentum"), False),),
    },
    words=frozenset(),
)


def problems(constructor: str | None = None, **paramwise: Any) -> list[str]:
    wrapper = dict(optimizer=dict(type="SGD", lr=0.1), paramwise_cfg=paramwise)
    if constructor:
        wrapper["constructor"] = constructor
    return [str(problem) for problem in check_paramwise(wrapper, SCHEMA, "x.py")]


@pytest.mark.parametrize(
    ("constructor", "paramwise"),
    [
        (None, dict(norm_decay_mult=0, custom_keys={"any.name": dict(lr_mult=0.1, momentum=0.5)})),
        (LAYERWISE, dict(layer_decay=0.8, part_lr=dict(backbone=0.1), bypass_duplicate=True)),
        (f"custom_modules.{LAYERWISE}", dict(layer_decay=0.8)),
        ("Mine", dict(anything=1)),
        (None, {}),
    ],
)
def test_sound_options_pass(constructor: str | None, paramwise: dict[str, Any]) -> None:
    assert problems(constructor, **paramwise) == []


@pytest.mark.parametrize(
    ("constructor", "paramwise", "where", "remedy"),
    [
        (None, dict(norm_decay_mul=0), "paramwise_cfg.norm_decay_mul", "did you mean 'norm_decay_mult'?"),
        (None, dict(layer_decay=0.8), "paramwise_cfg.layer_decay", "DefaultOptimWrapperConstructor takes no"),
        (LAYERWISE, dict(layer_decy=0.8), "paramwise_cfg.layer_decy", "did you mean 'layer_decay'?"),
        ("LayerwiseConstructor", {}, "optim_wrapper.constructor", f"did you mean '{LAYERWISE}'?"),
        (None, dict(custom_keys=dict(head=dict(lr_mul=2))), "custom_keys.head.lr_mul", "did you mean 'lr_mult'?"),
    ],
)
def test_an_option_that_nothing_reads_is_named(
    constructor: str | None, paramwise: dict[str, Any], where: str, remedy: str
) -> None:
    (problem,) = problems(constructor, **paramwise)
    assert where in problem
    assert remedy in problem
