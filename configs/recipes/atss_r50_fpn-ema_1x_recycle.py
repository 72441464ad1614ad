# ATSS tested with an exponential moving average of its weights: smoother validation scores, and often a better best
# checkpoint. The average spans about the last tenth of the steps, and 5,000 at most: at the end 13,188 / 10 = 1,319.
#
#     python tools/train.py configs/recipes/atss_r50_fpn-ema_1x_recycle.py
#
# Steps: 4,394 / 4 = 1,099 an epoch, 12 epochs = 13,188 of 4 photos. Score and time: not run yet.
_base_ = [
    "../atss/atss_r50_fpn_1x_recycle.py",
    "../_base_/recipes/ema.py",
]
