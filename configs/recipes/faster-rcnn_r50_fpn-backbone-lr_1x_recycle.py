# Faster R-CNN whose pretrained backbone learns at a tenth of the rate of neck and heads.
#
#     python tools/train.py configs/recipes/faster-rcnn_r50_fpn-backbone-lr_1x_recycle.py
#
# Rate: 0.02 x 4 / 16 = 0.005 for neck and heads, 0.0005 for the backbone. Steps: 4,394 / 4 = 1,099 an epoch,
# 12 epochs = 13,188. Score and time: not run yet.
_base_ = [
    "../faster_rcnn/faster-rcnn_r50_fpn_1x_recycle.py",
    "../_base_/recipes/backbone_lr.py",
]
