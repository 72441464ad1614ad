"""Models that mmdet does not have, registered in its MODELS registry."""

from custom_modules.models.timm_backbone import TimmBackbone
from custom_modules.models.wbf_tta_model import WBFTTAModel

__all__ = ["TimmBackbone", "WBFTTAModel"]
