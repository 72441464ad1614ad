# Faster R-CNN whose backbone is frozen for two epochs, until the new heads send useful gradients, then trained too.
#
#     python tools/train.py configs/recipes/faster-rcnn_r50_fpn-freeze-backbone_1x_recycle.py
#
# Steps: 4,394 / 4 = 1,099 an epoch, 12 epochs = 13,188, the first 2,198 of them on a frozen backbone: less memory
# and time. Score and time: not run yet.
_base_ = [
    "../faster_rcnn/faster-rcnn_r50_fpn_1x_recycle.py",
    "../_base_/recipes/freeze_backbone.py",
]
