"""Models that mmdet does not have, registered in its MODELS registry."""

from custom_modules.models.timm_backbone import TimmBackbone

__all__ = ["TimmBackbone"]
