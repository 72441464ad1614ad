# ATSS with ResNet-50, FPN and DyHead: six blocks of attention over scale, space and task in place of the head's
# convolutions.
_base_ = []
from sortline.pipeline.pick import pick

model = pick("mmdet::dyhead/atss_r50_fpn_dyhead_1x_coco.py", "model")
