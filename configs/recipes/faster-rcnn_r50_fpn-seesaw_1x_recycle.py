# Faster R-CNN with Seesaw loss, made for long-tailed datasets: frequent classes push rare ones down less. The head
# gets two more outputs that say whether there is an object at all.
#
#     python tools/train.py configs/recipes/faster-rcnn_r50_fpn-seesaw_1x_recycle.py
#
# Steps: 4,394 / 4 = 1,099 an epoch, 12 epochs = 13,188 of 4 photos. Score and time: not run yet.
_base_ = [
    "../faster_rcnn/faster-rcnn_r50_fpn_1x_recycle.py",
    "../_base_/recipes/equalized_loss.py",
]
