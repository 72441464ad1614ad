# ATSS tested with the plain average of its weights from three quarters of the run on, 0.75 x 13,188 = step 9,891, while
# the rate keeps to a tenth: stochastic weight averaging.
#
#     python tools/train.py configs/recipes/atss_r50_fpn-tail-average_1x_recycle.py
#
# Steps: 4,394 / 4 = 1,099 an epoch, 12 epochs = 13,188 of 4 photos. Score and time: not run yet.
_base_ = [
    "../atss/atss_r50_fpn_1x_recycle.py",
    "../_base_/recipes/weight_average.py",
]

# A step at epoch 8 and none after it: averaging needs weights that still move.
param_scheduler = [
    dict(type="LinearLR", start_factor=0.001, by_epoch=True, begin=0, end=1, convert_to_iter_based=True),
    dict(type="MultiStepLR", by_epoch=True, begin=0, end=12, milestones=[8], gamma=0.1),
]
