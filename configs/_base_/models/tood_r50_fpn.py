# TOOD with ResNet-50 and FPN: classification and localisation aligned, in the head and in the assignment.
_base_ = []
from sortline.pipeline.pick import pick

model = pick("mmdet::tood/tood_r50_fpn_1x_coco.py", "model")
