"""Any image model of timm as the backbone of a detector."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import torch
from mmdet.registry import MODELS
from mmengine.logging import print_log
from mmengine.model import BaseModule
from torch import nn
from torch.nn.modules.batchnorm import _BatchNorm

from custom_modules.models import timm_body, timm_parameters
from sortline.errors import InputError, Problem
from sortline.weights.timm_weights import find_timm_weights, timm


@MODELS.register_module()
class TimmBackbone(BaseModule):
    """Feature maps of a timm model at the strides that a neck needs.

    Layers after the last map are removed, so that they cost nothing. Pretrained weights are loaded by
    :meth:`init_weights`, which mmengine calls before training but not before testing: a trained checkpoint can be used
    on a machine without them.

    Transformers are built to take images of any size if timm supports it. For a model that takes only multiples of its
    windows (MaxViT) or one size (BEiT, Hiera), images are padded with zeros on the right and below, and the maps are
    cropped to the image again.

    Args:
        model_name: Name in ``timm.list_models()``, with or without the tag that chooses among its weights.
        out_strides: Strides of the maps returned, ascending; of several maps of one stride, the last.
        out_indices: In place of ``out_strides``: timm's indices of the maps, which for a plain vision transformer are
            its blocks; negative ones count from the end.
        frozen_stages: As in mmdet's ResNet: -1 freezes nothing, 0 the stem, ``k`` also the stages up to stride
            ``2 ** (k + 1)``, or the first ``k`` blocks of a plain vision transformer. Frozen layers get no gradient,
            build no graph, and keep their normalisation statistics.
        norm_eval: Keep the running statistics of all batch norms, frozen or not.
        drop_path_rate: Stochastic depth, 0 to 1 (https://arxiv.org/abs/1603.09382).
        with_cp: Recompute activations in the backward pass instead of keeping them: less memory, about a third more
            time. Batch norms then see each batch twice, so their running statistics move about twice as fast.
        out_norm: Add a layer norm over the channels after each map, as mmdet's SwinTransformer does: timm's maps of
            transformers and of ConvNeXt are the unnormalised outputs of the last block.
        img_size: Side, or height and width, that a model with windows or embeddings of fixed size is built for; None
            for its default. Embeddings of pretrained weights are resampled to it.
        pretrained: False for random weights, True for timm's own from the Hugging Face hub, a file's path, or
            ``"package:<name>"`` for the file shipped inside an installed Python package.
        channels_last: Use the channels-last memory format, in which depthwise convolutions run about three times as
            fast on a CPU.
        even_padding: Pad equally on all sides. The models named ``tf_...`` pad one-sidedly, as TensorFlow does, for
            which PyTorch has to copy every map; with even padding their maps move by one pixel.
        init_cfg: Not used; use ``pretrained``.

    Raises:
        InputError: timm has no such model, the model has no such map or stage, or it does not support an option.
    """

    is_init: bool

    def __init__(
        self,
        model_name: str,
        out_strides: Sequence[int] = (8, 16, 32),
        out_indices: Sequence[int] | None = None,
        frozen_stages: int = -1,
        norm_eval: bool = False,
        drop_path_rate: float = 0.0,
        with_cp: bool = False,
        out_norm: bool = False,
        img_size: int | tuple[int, int] | None = None,
        pretrained: bool | str = False,
        channels_last: bool = False,
        even_padding: bool = False,
        init_cfg: dict[str, Any] | None = None,
    ) -> None:
        super().__init__(init_cfg)
        self.model_name = model_name
        self.norm_eval = norm_eval
        self.pretrained = pretrained
        self.timm_args = timm_body.model_arguments(
            model_name, _pair(img_size), dict(drop_path_rate=drop_path_rate) if drop_path_rate else {}
        )
        if even_padding:
            self.timm_args.update(_even_padding(model_name))
        strides = timm_body.map_strides(model_name, self.timm_args)
        self.out_indices = timm_body.choose_maps(model_name, strides, out_strides, out_indices)
        self.out_strides = [strides[index] for index in self.out_indices]
        self.input_sizes = timm_body.find_input_sizes(model_name, self.out_indices, self.timm_args, _pair(img_size))
        self.body = timm_body.build_features(model_name, self.out_indices, **self.timm_args)
        self.out_channels: list[int] = self.body.feature_info.channels()
        self.norms = nn.ModuleList(map(timm.layers.LayerNorm2d, self.out_channels)) if out_norm else None
        if with_cp:
            timm_body.checkpoint_gradients(self.body, model_name)
        self.memory_format = torch.channels_last if channels_last else torch.contiguous_format
        self.to(memory_format=self.memory_format)
        self.frozen = self._freeze(strides, frozen_stages)

    def _freeze(self, strides: Sequence[int], frozen_stages: int) -> list[nn.Module]:
        """Freeze the parameters of the first stages; return the modules of these stages."""
        size = self.input_sizes.unit or (224, 224)
        parameters = dict(self.body.named_parameters())
        frozen = timm_parameters.frozen_parameters(
            self.model_name, self.timm_args, list(parameters), strides, frozen_stages, size
        )
        for name in frozen:
            parameters[name].requires_grad_(False)
        return timm_parameters.modules_within(self.body, frozen)

    def init_weights(self) -> None:
        """Load the pretrained weights, once.

        Raises:
            InputError: The weights can't be found, read or fitted to the model.
        """
        source = None if self.is_init else find_timm_weights(self.model_name, self.pretrained)
        if source is None:
            return
        whole = timm_parameters.load_whole(self.model_name, self.timm_args, source)
        names = timm_parameters.whole_names(self.body.state_dict(), whole)
        self.body.load_state_dict({name: whole[other] for name, other in names.items()})
        self.is_init = True
        print_log(f"backbone {self.model_name}: weights from {source.path or source.name}", logger="current")

    def forward(self, images: torch.Tensor) -> tuple[torch.Tensor, ...]:
        """Return the maps of images ``(N, 3, height, width)``.

        The shape of a map is ``(N, channels, height / stride, width / stride)``, rounded up.
        """
        height, width = images.shape[-2:]
        padded = self.input_sizes.pad(images).contiguous(memory_format=self.memory_format)
        maps = timm_body.maps_of(self.body, padded)
        if padded.shape != images.shape:
            sizes = [(math.ceil(height / stride), math.ceil(width / stride)) for stride in self.out_strides]
            maps = tuple(full[..., :rows, :columns] for full, (rows, columns) in zip(maps, sizes, strict=True))
        if self.norms is None:
            return maps
        return tuple(norm(features) for norm, features in zip(self.norms, maps, strict=True))

    def train(self, mode: bool = True) -> TimmBackbone:
        """Switch to training mode, except for the frozen layers."""
        super().train(mode)
        for module in self.modules() if self.norm_eval else ():
            if isinstance(module, _BatchNorm):
                module.eval()
        for module in self.frozen:
            module.training = False
        return self

    def layer_numbers(self) -> dict[str, int]:
        """Return the layer of each of timm's parameters, 0 for the stem."""
        names = [name for name, _ in self.body.named_parameters()]
        numbers = timm_parameters.layer_numbers(self.model_name, self.timm_args, names)
        return {f"body.{name}": number for name, number in numbers.items()}

    def decay_free(self) -> set[str]:
        """Return the parameters that timm exempts from weight decay."""
        names = [name for name, _ in self.body.named_parameters()]
        return {f"body.{name}" for name in timm_parameters.decay_free(self.model_name, self.timm_args, names)}


def _pair(img_size: int | Sequence[int] | None) -> tuple[int, int] | None:
    if img_size is None:
        return None
    return (img_size, img_size) if isinstance(img_size, int) else (img_size[0], img_size[1])


def _even_padding(model_name: str) -> dict[str, str]:
    if not model_name.startswith("tf_"):
        what, remedy = f"{model_name} already pads evenly", "leave even_padding out"
        raise InputError(Problem("model.backbone.even_padding", what, remedy))
    return dict(pad_type="")
