# ATSS with half of the photos cropped, to 0.75^2 = 0.56 of their area on average: other places, other surroundings.
#
#     python tools/train.py configs/augment/atss_r50_fpn-random-crop_1x_recycle.py
#
# Epoch: 4,394 / 4 = 1,099 steps; 12 epochs = 13,188. Rate: 0.01 x 4 / 16 = 0.0025. Pictures have
# 1 - 0.5 x (1 - 0.56) = 0.78 of the base's pixels on average. Score and time: not yet measured.
_base_ = [
    "../atss/atss_r50_fpn_1x_recycle.py",
    "../_base_/recipes/random_crop.py",
]
