"""Which functions of ``mmcv._ext`` are called while something runs."""

from __future__ import annotations

import functools
import importlib
import re
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from typing import Any

from mmcv.ops import multi_scale_deform_attn
from mmdet.models.losses.focal_loss import FocalLoss

from custom_modules.ops.finder import EXT_NAME


@dataclass
class OpsUsed:
    """The ops that something needs, named as :func:`op_name` names them.

    Attributes:
        called: Ops that were called.
        on_gpu: Ops for which mmcv and mmdet use plain torch if the tensors are not on a GPU.
    """

    called: set[str] = field(default_factory=set)
    on_gpu: set[str] = field(default_factory=set)


def op_name(function: str) -> str:
    """Return the name of the op whose forward or backward function is given.

    >>> op_name("deform_conv_backward_parameters")
    'deform_conv'
    """
    name = re.sub(r"_(forward|backward)(_\w+)?$", "", function)
    return "masked_conv" if name in ("masked_im2col", "masked_col2im") else name


@contextmanager
def ops_used() -> Iterator[OpsUsed]:
    """Record which ops are called while the body runs, in the object that is yielded."""
    used = OpsUsed()
    ext = importlib.import_module(EXT_NAME)

    def note_attention(*args: Any, **kwargs: Any) -> None:
        used.on_gpu.add("ms_deform_attn")

    def note_focal_loss(loss: FocalLoss, pred: Any, target: Any, *args: Any, **kwargs: Any) -> None:
        # mmdet has an op for targets that are labels, none for one-hot targets (mmdet/models/losses/focal_loss.py).
        if pred.dim() != target.dim() and not (loss.activated or pred.is_cuda):
            used.on_gpu.add("sigmoid_focal_loss")

    with ExitStack() as stack:
        for name in getattr(ext, "__all__", dir(ext)):
            if not name.startswith(("_", "get_")) and callable(getattr(ext, name)):
                stack.enter_context(_noting(ext, name, _adder(used.called, op_name(name))))
        stack.enter_context(_noting(multi_scale_deform_attn, "multi_scale_deformable_attn_pytorch", note_attention))
        stack.enter_context(_noting(FocalLoss, "forward", note_focal_loss))
        yield used


def _adder(names: set[str], name: str) -> Callable[..., None]:
    def add(*args: Any, **kwargs: Any) -> None:
        names.add(name)

    return add


@contextmanager
def _noting(owner: Any, name: str, note: Callable[..., None]) -> Iterator[None]:
    """Call ``note`` with the arguments of every call of a function while the body runs."""
    function = getattr(owner, name)

    @functools.wraps(function)
    def call(*args: Any, **kwargs: Any) -> Any:
        note(*args, **kwargs)
        return function(*args, **kwargs)

    setattr(owner, name, call)
    try:
        yield
    finally:
        setattr(owner, name, function)
