# The two-stage reference: what every other detector is compared with.
#
#     python tools/train.py configs/faster_rcnn/faster-rcnn_r50_fpn_1x_recycle.py
#
# Steps: 4,394 / 4 = 1,099 an epoch, 13,188 in all. Score and time: not yet measured.
_base_ = [
    "../_base_/default_runtime.py",
    "../_base_/datasets/recycle.py",
    "../_base_/models/faster-rcnn_r50_fpn.py",
    "../_base_/schedules/1x.py",
]

optim_wrapper = dict(optimizer=dict(lr=0.02 * 4 / 16))  # 4 photos a step, the schedule is for 16
auto_scale_lr = dict(base_batch_size=4)
