# ATSS with each photo at a random size between 640 and 1280 pixels: reports of past contests put this recipe first.
#
#     python tools/train.py configs/augment/atss_r50_fpn-multi-scale_1x_recycle.py
#
# Epoch: 4,394 / 4 = 1,099 steps; 12 epochs = 13,188. Rate: 0.01 x 4 / 16 = 0.0025. The largest photos
# take (1280 / 1024)^2 = 1.6 times the memory of the base's. Score and time: not yet measured.
_base_ = [
    "../atss/atss_r50_fpn_1x_recycle.py",
    "../_base_/recipes/multi_scale.py",
]
