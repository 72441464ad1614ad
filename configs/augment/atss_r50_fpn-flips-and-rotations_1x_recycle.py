# ATSS with photos laid down in all eight ways: litter photographed from above has no up and no down.
#
#     python tools/train.py configs/augment/atss_r50_fpn-flips-and-rotations_1x_recycle.py
#
# Epoch: 4,394 / 4 = 1,099 steps; 12 epochs = 13,188. Rate: 0.01 x 4 / 16 = 0.0025. Where photos
# are taken standing, upside-down ones cost more than they teach: compare. Score and time: not yet measured.
_base_ = [
    "../atss/atss_r50_fpn_1x_recycle.py",
    "../_base_/recipes/flips_and_rotations.py",
]
