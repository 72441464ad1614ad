# Faster R-CNN with a backbone twice as deep: what depth alone gives before anything else is changed.
#
#     python tools/train.py configs/faster_rcnn/faster-rcnn_r101_fpn_1x_recycle.py
#
# Steps: 4,394 / 4 = 1,099 an epoch, 13,188 in all. Score and time: not yet measured.
_base_ = "faster-rcnn_r50_fpn_1x_recycle.py"

model = dict(backbone=dict(depth=101, init_cfg=dict(checkpoint="torchvision://resnet101")))
