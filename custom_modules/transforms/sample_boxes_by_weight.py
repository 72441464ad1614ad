"""Soft labels for any detector: a box of weight w is used in a share w of the epochs."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from mmcv.transforms import BaseTransform
from mmdet.registry import TRANSFORMS

from sortline.data.annotations import WEIGHT
from sortline.pipeline.check.training import refuse_arguments


def sample_by_weight(
    instances: Sequence[dict[str, Any]], draws: Sequence[float], otherwise: str
) -> list[dict[str, Any]]:
    """Keep each box whose draw is below its weight; a box without a weight has weight 1.

    Args:
        instances: Boxes as mmdet's datasets give them.
        draws: A random number from 0 to below 1 for each box.
        otherwise: What happens to the others: ``"background"`` removes them, ``"ignored"`` flags them.
    """
    sampled = []
    for instance, draw in zip(instances, draws, strict=True):
        if draw < instance.get(WEIGHT, 1.0):
            sampled.append(instance)
        elif otherwise == "ignored":
            sampled.append({**instance, "ignore_flag": 1})
    return sampled


@TRANSFORMS.register_module()
class SampleBoxesByWeight(BaseTransform):
    """Draws the weighted boxes of an image anew each time that it is loaded.

    The transform belongs before ``LoadAnnotations``. DetectionDataset gives a box the ``weight`` of a pseudo label; all
    other boxes are kept. If the weight is the probability that the label is right, the expected loss at a box is that
    of a soft label: w times the loss of the object and 1 - w times that of background. Random numbers come from numpy's
    global generator, as in mmdet's transforms.

    Args:
        otherwise: What a box is when it is not drawn: ``"background"``, or ``"ignored"``, for which
            ``CoverIgnoredBoxes`` must follow: then its place teaches nothing, as with a loss of weight w.

    Raises:
        InputError: ``otherwise`` is neither of the two.
    """

    def __init__(self, otherwise: str = "background") -> None:
        refuse_arguments("SampleBoxesByWeight", otherwise=otherwise)
        self.otherwise = otherwise

    def transform(self, results: dict[str, Any]) -> dict[str, Any]:
        """Replace the image's ``instances`` by those drawn."""
        instances = results.get("instances", [])
        draws = np.random.random(len(instances)).tolist()
        return {**results, "instances": sample_by_weight(instances, draws, self.otherwise)}

    def __repr__(self) -> str:
        return f"{type(self).__name__}(otherwise={self.otherwise!r})"
