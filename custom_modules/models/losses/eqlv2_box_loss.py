"""Equalization Loss v2 for two-stage heads."""

from __future__ import annotations

from mmdet.models.losses import EQLV2Loss, accuracy
from mmdet.registry import MODELS
from torch import Tensor


@MODELS.register_module()
class EQLV2BoxLoss(EQLV2Loss):
    """mmdet's EQLV2Loss with the attributes that box heads read from a loss with its own activation.

    EQLv2 (https://arxiv.org/abs/2012.08548) trains a sigmoid for each class and one for "no object". mmdet's loss has
    the activation but lacks the attributes that announce it to a box head, so that the head predicts by softmax:
    https://github.com/open-mmlab/mmdetection/blob/main/mmdet/models/losses/eqlv2_loss.py.
    """

    custom_cls_channels = True
    custom_activation = True
    custom_accuracy = True

    def get_cls_channels(self, num_classes: int) -> int:
        """Return the number of logits: the classes and "no object"."""
        return int(self.get_channel_num(num_classes))

    def get_activation(self, pred: Tensor) -> Tensor:
        """Convert ``(N, C + 1)`` logits to scores, each class multiplied by the probability of an object.

        mmdet multiplies by ``1 - p(no object)`` in place, on the result of the sigmoid; here the input is converted to
        float32 first, whatever the precision of the training.
        """
        return super().get_activation(pred.float())

    def get_accuracy(self, cls_score: Tensor, labels: Tensor) -> dict[str, Tensor]:
        """Return the share of samples whose highest logit is their label's, in percent, for the log."""
        return {"acc": accuracy(cls_score, labels)}
