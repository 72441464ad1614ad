# ATSS for 20 epochs of AdamW on one cycle: the rate rises for 6 epochs and falls for 14.
#
# Peak: 0.001 for 16 photos a step; AdamW's rates go with the square root of the batch, 0.001 x sqrt(4 / 16) = 0.0005.
#
#     python tools/train.py configs/recipes/atss_r50_fpn-one-cycle_20e_recycle.py
#
# Steps: 4,394 / 4 = 1,099 an epoch, 20 epochs = 21,980 of 4 photos. Score and time: not run yet.
_base_ = [
    "../_base_/default_runtime.py",
    "../_base_/datasets/recycle.py",
    "../_base_/models/atss_r50_fpn.py",
    "../_base_/schedules/20e_one-cycle.py",
]

param_scheduler = [
    dict(
        type="OneCycleLR",
        eta_max=0.001 * (4 / 16) ** 0.5,
        total_steps=20,
        pct_start=0.3,
        by_epoch=True,
        convert_to_iter_based=True,
    ),
]
