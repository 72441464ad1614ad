# ATSS with a second photo laid over half of the photos, but for the last two epochs.
#
#     python tools/train.py configs/augment/atss_r50_fpn-mixup_1x_recycle.py
#
# Epoch: 4,394 / 4 = 1,099 steps; 12 epochs = 13,188. Rate: 0.01 x 4 / 16 = 0.0025.
# Score and time: not yet measured.
_base_ = [
    "../atss/atss_r50_fpn_1x_recycle.py",
    "../_base_/recipes/mixup.py",
]
