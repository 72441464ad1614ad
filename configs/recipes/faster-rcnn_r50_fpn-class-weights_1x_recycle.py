# Faster R-CNN with class weights: a rare class counts by one over the square root of its boxes. Where one class has a
# hundredth of another's boxes it weighs 10 times as much; the mean weight of a box stays 1, that of background is 1.
#
#     python tools/train.py configs/recipes/faster-rcnn_r50_fpn-class-weights_1x_recycle.py
#
# Steps: 4,394 / 4 = 1,099 an epoch, 12 epochs = 13,188 of 4 photos. Score and time: not run yet.
_base_ = [
    "../faster_rcnn/faster-rcnn_r50_fpn_1x_recycle.py",
    "../_base_/recipes/class_weights.py",
]
