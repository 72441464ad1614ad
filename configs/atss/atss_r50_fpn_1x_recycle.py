# One stage with anchors matched by statistics: as good as two stages at lower cost.
#
#     python tools/train.py configs/atss/atss_r50_fpn_1x_recycle.py
#
# Steps as Faster R-CNN: 13,188 of 4 photos. Score and time: not yet measured.
_base_ = [
    "../_base_/default_runtime.py",
    "../_base_/datasets/recycle.py",
    "../_base_/models/atss_r50_fpn.py",
    "../_base_/schedules/1x.py",
]

optim_wrapper = dict(optimizer=dict(lr=0.01 * 4 / 16))  # ATSS trains at half the rate of two-stage detectors
