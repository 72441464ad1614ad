# ATSS with ResNet-50 and FPN: one stage, anchors matched by their statistics.
_base_ = []
from sortline.pipeline.pick import pick

model = pick("mmdet::atss/atss_r50_fpn_1x_coco.py", "model")
