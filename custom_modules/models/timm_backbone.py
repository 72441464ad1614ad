"""Any image model of timm as a detector's backbone."""

from __future__ import annotations

import logging
import math
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any

import timm
import torch
from mmdet.registry import MODELS
from mmengine.logging import print_log
from mmengine.model import BaseModule
from torch import nn
from torch.nn.modules.batchnorm import _BatchNorm

from custom_modules.errors import InputError, Problem, counted, nearest
from custom_modules.models.pretrained import find_weights, fit_by_order, read_state_dict


@MODELS.register_module()
class TimmBackbone(BaseModule):
    """Feature maps of a timm model, at the strides that a neck asks for.

    Layers behind the last map are removed, so that they cost nothing. Pretrained weights are loaded by
    :meth:`init_weights`, which mmengine calls before training but not before testing: a trained checkpoint can
    be used on a machine that lacks them.

    Args:
        model_name: Name in ``timm.list_models()``.
        out_strides: Strides of the maps returned, ascending.
        frozen_stages: As in mmdet's ResNet: -1 freezes nothing, 0 the stem (up to stride 2), ``k`` also the
            stages up to stride ``2 ** (k + 1)``. Frozen layers get no gradient, build no graph, and keep their
            normalisation statistics.
        norm_eval: Keep the statistics of all batch norms, frozen or not.
        drop_path_rate: Stochastic depth, 0 to 1 (https://arxiv.org/abs/1603.09382).
        pretrained: False for random weights, True for timm's own from the Hugging Face hub, a file's path, or
            ``"package:<name>"`` for the file shipped inside an installed Python package.
        channels_last: Compute with channels last in memory. Depthwise convolutions then run about three times
            as fast on a CPU.
        even_padding: Pad the same on all sides. The models named ``tf_...`` pad as TensorFlow does, one-sidedly,
            for which PyTorch has to copy every map; their maps move by a pixel and stay the same otherwise.
        init_cfg: Not used; ``pretrained`` takes its place.

    Raises:
        InputError: timm has no such model, or the model no map of such a stride.
    """

    def __init__(
        self,
        model_name: str,
        out_strides: Sequence[int] = (8, 16, 32),
        frozen_stages: int = -1,
        norm_eval: bool = False,
        drop_path_rate: float = 0.0,
        pretrained: bool | str = False,
        channels_last: bool = False,
        even_padding: bool = False,
        init_cfg: dict[str, Any] | None = None,
    ) -> None:
        super().__init__(init_cfg)
        self.model_name = model_name
        self.norm_eval = norm_eval
        self.pretrained = pretrained
        self.out_indices = stride_indices(model_name, out_strides)
        if even_padding and not model_name.startswith("tf_"):
            what, remedy = f"{model_name} pads evenly as it is", "leave even_padding out"
            raise InputError(Problem("model.backbone.even_padding", what, remedy))
        self.timm_args = dict(pad_type="") if even_padding else {}
        self.body = self.build(drop_path_rate=drop_path_rate)
        self.out_channels: list[int] = self.body.feature_info.channels()
        self.memory_format = torch.channels_last if channels_last else torch.contiguous_format
        self.body.to(memory_format=self.memory_format)
        self.frozen = frozen_modules(self.body, frozen_stages)
        for module in self.frozen:
            for parameter in module.parameters(recurse=False):
                parameter.requires_grad_(False)

    def init_weights(self) -> None:
        """Load the pretrained weights, once.

        Raises:
            InputError: The weights can't be found, read or fitted to the model.
        """
        if self.is_init or self.pretrained is False:
            return
        loading = pretrained_args(self.model_name, self.pretrained)
        with only_errors(logging.getLogger("timm")):  # it warns of the classifier, for which there is no use here
            source = self.build(**loading)
        self.body.load_state_dict(source.state_dict())
        self.is_init = True
        print_log(f"backbone {self.model_name}: weights from {self.pretrained_name()}", logger="current")

    def build(self, **kwargs: Any) -> nn.Module:
        """Build the timm model up to the last map returned."""
        return build_features(self.model_name, out_indices=self.out_indices, **self.timm_args, **kwargs)

    def pretrained_name(self) -> str:
        """Say where the weights come from."""
        return "the Hugging Face hub" if self.pretrained is True else str(self.pretrained)

    def forward(self, images: torch.Tensor) -> tuple[torch.Tensor, ...]:
        """Return the maps, each of shape ``(N, channels, height / stride, width / stride)``."""
        return tuple(self.body(images.contiguous(memory_format=self.memory_format)))

    def train(self, mode: bool = True) -> TimmBackbone:
        """Switch to training, the frozen layers excepted."""
        super().train(mode)
        for module in self.modules() if self.norm_eval else ():
            if isinstance(module, _BatchNorm):
                module.eval()
        for module in self.frozen:
            module.training = False
        return self


@contextmanager
def only_errors(logger: logging.Logger) -> Iterator[None]:
    """Keep a logger's warnings back for a while."""
    level = logger.level
    logger.setLevel(logging.ERROR)
    try:
        yield
    finally:
        logger.setLevel(level)


def stride_indices(model_name: str, strides: Sequence[int]) -> tuple[int, ...]:
    """Return timm's ``out_indices`` for the maps of the given strides.

    Raises:
        InputError: timm has no such model, or the model no map of such a stride.
    """
    if not timm.is_model(model_name):
        remedy = nearest(model_name, timm.list_models()) or "timm.list_models('*part*') lists the names"
        raise InputError(Problem("model.backbone.model_name", f"timm has no model {model_name!r}", remedy))
    available = timm.create_model(model_name, features_only=True).feature_info.reduction()
    wrong = [stride for stride in strides if stride not in available]
    if wrong or list(strides) != sorted(set(strides)) or not strides:
        what = f"{model_name} has no map of stride {counted(wrong)}" if wrong else f"{tuple(strides)} does not ascend"
        remedy = f"choose from {', '.join(map(str, available))}, in this order"
        raise InputError(Problem("model.backbone.out_strides", what, remedy))
    return tuple(available.index(stride) for stride in strides)


def build_features(model_name: str, **kwargs: Any) -> nn.Module:
    """Build a timm model that returns feature maps, without the layers behind the last of them."""
    body = timm.create_model(model_name, features_only=True, **kwargs)
    container, _, index = body.feature_info.module_name()[-1].rpartition(".")
    # timm's EfficientNet and MobileNet extractors keep and run all their blocks.
    blocks = dict(body.named_modules()).get(container) if index.isdigit() else None
    if isinstance(blocks, nn.Sequential):
        del blocks[int(index) + 1 :]
    return body


def frozen_modules(body: nn.Module, frozen_stages: int) -> list[nn.Module]:
    """Return all modules that take part in maps of stride up to ``2 ** (frozen_stages + 1)``.

    They are those defined before the end of the last such map's stage: timm defines layers in the order in
    which they run.
    """
    stages = [
        name for name, stride in stage_strides(body) if frozen_stages >= 0 and math.log2(stride) <= frozen_stages + 1
    ]
    if not stages:
        return []
    # A flattened model calls its child `stages_0`, its feature info `stages.0`.
    last = (stages[-1], stages[-1].replace(".", "_"))
    named = list(body.named_modules())
    end = max(i for i, (name, _) in enumerate(named) if name in last or name.startswith(tuple(f"{n}." for n in last)))
    containers = {name.rpartition(".")[0] for name, _ in named[end + 1 :]}
    return [module for name, module in named[: end + 1] if name not in containers]


def stage_strides(body: nn.Module) -> list[tuple[str, int]]:
    """Return the module that ends each stage, and its stride, for all stages that the model knows of."""
    return [(item["module"], item["reduction"]) for item in body.feature_info.info]


def pretrained_args(model_name: str, pretrained: bool | str) -> dict[str, Any]:
    """Return what ``timm.create_model`` needs to load the weights.

    Raises:
        InputError: The weights can't be found, read or fitted to the model.
    """
    if pretrained is True:
        return dict(pretrained=True)
    path = find_weights(str(pretrained))
    whole = timm.create_model(model_name).state_dict()
    weights = fit_by_order(read_state_dict(path), whole, str(path))
    # timm loads them into the whole model before it takes the feature maps out of it.
    return dict(pretrained=True, pretrained_cfg_overlay=dict(state_dict=weights))
