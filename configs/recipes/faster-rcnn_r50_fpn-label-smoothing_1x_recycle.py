# Faster R-CNN with label smoothing: for labels that are wrong now and then, and classes that annotators mix up.
#
#     python tools/train.py configs/recipes/faster-rcnn_r50_fpn-label-smoothing_1x_recycle.py
#
# Steps: 4,394 / 4 = 1,099 an epoch, 12 epochs = 13,188 of 4 photos. Score and time: not run yet.
_base_ = [
    "../faster_rcnn/faster-rcnn_r50_fpn_1x_recycle.py",
    "../_base_/recipes/label_smoothing.py",
]
