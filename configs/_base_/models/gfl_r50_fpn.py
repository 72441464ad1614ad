# GFL with ResNet-50 and FPN: the score is the box's quality, the box a distribution.
_base_ = []
from sortline.pipeline.pick import pick

model = pick("mmdet::gfl/gfl_r50_fpn_1x_coco.py", "model")
