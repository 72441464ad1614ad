"""Classification losses that mmdet does not have, registered in its MODELS registry."""

from custom_modules.models.losses.class_weighted_loss import ClassWeightedLoss
from custom_modules.models.losses.eqlv2_box_loss import EQLV2BoxLoss
from custom_modules.models.losses.focal_cross_entropy_loss import FocalCrossEntropyLoss

__all__ = ["ClassWeightedLoss", "EQLV2BoxLoss", "FocalCrossEntropyLoss"]
