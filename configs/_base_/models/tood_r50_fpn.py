# TOOD with ResNet-50 and FPN: classification and localisation aligned, in the head and in the assignment.
_base_ = []
from custom_modules.config.pick import pick

model = pick("mmdet::tood/tood_r50_fpn_1x_coco.py", "model")
