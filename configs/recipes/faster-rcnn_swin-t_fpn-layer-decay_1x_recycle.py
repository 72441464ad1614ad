# Faster R-CNN on Swin-T with layer-wise learning-rate decay: the first layers, whose features are the most general,
# change least.
#
#     python tools/train.py configs/recipes/faster-rcnn_swin-t_fpn-layer-decay_1x_recycle.py
#
# Rate: 0.0001 x 4 / 16 = 0.000025 for neck and heads; of the backbone's 13 layers (stem and 12 blocks) the last
# learns at 0.8 of it, the stem at 0.8 ** 13 = 0.055. Steps: 4,394 / 4 = 1,099 an epoch, 12 epochs = 13,188 of 4
# photos. Score and time: not run yet.
_base_ = [
    "../faster_rcnn/faster-rcnn_swin-t_fpn_1x_recycle.py",
    "../_base_/recipes/layer_decay.py",
]
