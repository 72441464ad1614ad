# Faster R-CNN with Equalization loss v2: a sigmoid for each class whose gradients are balanced as training goes.
# Against Seesaw: no softmax between the classes, so that alike classes don't take scores from each other.
#
#     python tools/train.py configs/recipes/faster-rcnn_r50_fpn-eqlv2_1x_recycle.py
#
# Steps: 4,394 / 4 = 1,099 an epoch, 12 epochs = 13,188 of 4 photos. Score and time: not run yet.
_base_ = [
    "../faster_rcnn/faster-rcnn_r50_fpn_1x_recycle.py",
    "../_base_/recipes/eqlv2_loss.py",
]
