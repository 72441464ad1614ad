# ATSS with one to four grey squares on each photo.
#
#     python tools/train.py configs/augment/atss_r50_fpn-cutout_1x_recycle.py
#
# Epoch: 4,394 / 4 = 1,099 steps; 12 epochs = 13,188. Rate: 0.01 x 4 / 16 = 0.0025.
# Score and time: not yet measured.
_base_ = [
    "../atss/atss_r50_fpn_1x_recycle.py",
    "../_base_/recipes/cutout.py",
]
