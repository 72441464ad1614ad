# One stage with anchors matched by statistics: as good as two stages at lower cost.
#
#     python tools/train.py configs/atss/atss_r50_fpn_1x_recycle.py
#
# Steps: 4,394 / 4 = 1,099 an epoch, 13,188 in all. Score and time: not yet measured.
_base_ = [
    "../_base_/default_runtime.py",
    "../_base_/datasets/recycle.py",
    "../_base_/models/atss_r50_fpn.py",
    "../_base_/schedules/1x.py",
]

optim_wrapper = dict(optimizer=dict(lr=0.01 * 4 / 16))  # one-stage detectors train at half the rate of two-stage ones
auto_scale_lr = dict(base_batch_size=4)
