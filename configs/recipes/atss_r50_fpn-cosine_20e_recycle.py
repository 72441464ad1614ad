# ATSS for 20 epochs on half a cosine in place of steps: the rate falls all the time, no epoch to choose for a step.
#
#     python tools/train.py configs/recipes/atss_r50_fpn-cosine_20e_recycle.py
#
# Steps: 4,394 / 4 = 1,099 an epoch, 20 epochs = 21,980 of 4 photos. Score and time: not run yet.
_base_ = [
    "../_base_/default_runtime.py",
    "../_base_/datasets/recycle.py",
    "../_base_/models/atss_r50_fpn.py",
    "../_base_/schedules/20e_cosine.py",
]

optim_wrapper = dict(optimizer=dict(lr=0.01 * 4 / 16))  # ATSS trains at half the rate of two-stage detectors
auto_scale_lr = dict(base_batch_size=4)
