"""Models and losses that mmdet lacks, registered in its MODELS registry."""

from custom_modules.models.bifpn import BiFPN
from custom_modules.models.box_semantics_roi_head import BoxSemanticsRoIHead
from custom_modules.models.co_dino import CoDINO
from custom_modules.models.instance_mask2former import InstanceMask2Former
from custom_modules.models.losses import ClassWeightedLoss, EQLV2BoxLoss, FocalCrossEntropyLoss
from custom_modules.models.processes_on_cpu import ProcessesOnCPU
from custom_modules.models.timm_backbone import TimmBackbone
from custom_modules.models.torchvision_detector import TorchvisionDetector
from custom_modules.models.upstream import apply_workarounds
from custom_modules.models.wbf_tta_model import WBFTTAModel

__all__ = [
    "BiFPN",
    "BoxSemanticsRoIHead",
    "ClassWeightedLoss",
    "CoDINO",
    "EQLV2BoxLoss",
    "FocalCrossEntropyLoss",
    "InstanceMask2Former",
    "ProcessesOnCPU",
    "TimmBackbone",
    "TorchvisionDetector",
    "WBFTTAModel",
]

apply_workarounds()
