"""EfficientDet's neck: a feature pyramid fused in both directions with a learned weight for each input."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import torch
from mmcv.cnn import ConvModule, DepthwiseSeparableConvModule
from mmdet.registry import MODELS
from mmengine.model import BaseModule
from torch import nn
from torch.nn import functional as F

EPSILON = 1e-4  # the paper's, equation 3


@MODELS.register_module()
class BiFPN(BaseModule):
    """Stacked layers of weighted fusion, top-down then bottom-up (https://arxiv.org/abs/1911.09070, section 3).

    Args:
        in_channels: Channels of the backbone's maps, each of half the size of the one before.
        out_channels: Channels of all maps in the neck and of its outputs.
        num_layers: Number of fusion layers.
        num_outs: Number of maps returned; those beyond the backbone's maps are pooled from its last one.
        norm_cfg: Normalisation after each convolution.
        init_cfg: As for all of mmengine's modules.
    """

    def __init__(
        self,
        in_channels: Sequence[int],
        out_channels: int,
        num_layers: int,
        num_outs: int = 5,
        norm_cfg: dict[str, Any] | None = None,
        init_cfg: dict[str, Any] | None = None,
    ) -> None:
        super().__init__(init_cfg)
        norm_cfg = norm_cfg or dict(type="BN", momentum=0.01, eps=1e-3)
        sources = [*in_channels, in_channels[-1]] if num_outs > len(in_channels) else list(in_channels)
        self.laterals = nn.ModuleList(
            ConvModule(channels, out_channels, 1, norm_cfg=norm_cfg, act_cfg=None) for channels in sources
        )
        self.num_outs = num_outs
        self.layers = nn.Sequential(*(BiFPNLayer(out_channels, num_outs, norm_cfg) for _ in range(num_layers)))

    def forward(self, maps: Sequence[torch.Tensor]) -> tuple[torch.Tensor, ...]:
        """Return ``num_outs`` maps of shape ``(N, out_channels, height, width)``, each half the size of the last."""
        levels = [lateral(feature) for lateral, feature in zip(self.laterals, maps, strict=False)]
        if self.num_outs > len(maps):
            levels.append(halve(self.laterals[-1](maps[-1])))
        while len(levels) < self.num_outs:
            levels.append(halve(levels[-1]))
        return tuple(self.layers(levels))


class BiFPNLayer(nn.Module):
    """One pass down the pyramid and one up, each map keeping a connection to its own input.

    Args:
        channels: Channels of every map.
        levels: Number of maps of the pyramid.
        norm_cfg: Normalisation after each convolution.
    """

    def __init__(self, channels: int, levels: int, norm_cfg: dict[str, Any]) -> None:
        super().__init__()
        self.down = nn.ModuleList(WeightedFusion(2, channels, norm_cfg) for _ in range(levels - 1))
        # The smallest map is not on the way down; so it has one input less.
        inputs = [3] * (levels - 2) + [2]
        self.up = nn.ModuleList(WeightedFusion(count, channels, norm_cfg) for count in inputs)

    def forward(self, maps: list[torch.Tensor]) -> list[torch.Tensor]:
        """Fuse maps that are ordered from the largest to the smallest."""
        middle = [maps[-1]]
        for feature, fuse in zip(reversed(maps[:-1]), reversed(self.down), strict=True):
            middle.insert(0, fuse(feature, F.interpolate(middle[0], size=feature.shape[-2:])))
        outs = [middle[0]]
        for level, fuse in enumerate(self.up, start=1):
            own = [maps[level]] if level == len(maps) - 1 else [maps[level], middle[level]]
            outs.append(fuse(*own, halve(outs[-1])))
        return outs


class WeightedFusion(nn.Module):
    """The paper's fast normalised fusion of maps of one shape, then a depthwise separable convolution.

    Args:
        inputs: Number of maps to fuse.
        channels: Channels of each map.
        norm_cfg: Normalisation after the convolution.
    """

    def __init__(self, inputs: int, channels: int, norm_cfg: dict[str, Any]) -> None:
        super().__init__()
        self.weights = nn.Parameter(torch.ones(inputs))
        self.conv = DepthwiseSeparableConvModule(
            channels,
            channels,
            3,
            padding=1,
            dw_norm_cfg=None,
            dw_act_cfg=None,
            pw_norm_cfg=norm_cfg,
            pw_act_cfg=None,
        )

    def forward(self, *maps: torch.Tensor) -> torch.Tensor:
        """Return the convolved weighted mean of the maps."""
        return self.conv(F.silu(weighted_mean(maps, self.weights)))


def weighted_mean(maps: Sequence[torch.Tensor], weights: torch.Tensor) -> torch.Tensor:
    """Return the mean of maps of one shape; a weight below zero counts as zero."""
    shares = weights.relu() / (weights.relu().sum() + EPSILON)
    return (torch.stack(list(maps), dim=-1) * shares).sum(dim=-1)


def halve(feature: torch.Tensor) -> torch.Tensor:
    """Pool a map to half its size, rounded up."""
    return F.max_pool2d(feature, kernel_size=3, stride=2, padding=1)
