# ATSS with clipped gradients: against losses that jump or become NaN early in training.
#
#     python tools/train.py configs/recipes/atss_r50_fpn-clip_1x_recycle.py
#
# Steps: 4,394 / 4 = 1,099 an epoch, 12 epochs = 13,188 of 4 photos. Score and time: not run yet.
_base_ = [
    "../atss/atss_r50_fpn_1x_recycle.py",
    "../_base_/recipes/grad_clip.py",
]
