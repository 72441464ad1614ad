# One stage with scores trained to rank boxes by IoU, and boxes refined once by deformable sampling.
#
#     python tools/train.py configs/vfnet/vfnet_r50_fpn_1x_recycle.py
#
# Steps: 4,394 / 4 = 1,099 an epoch, 13,188 in all. Score and time: not yet measured.
_base_ = [
    "../_base_/default_runtime.py",
    "../_base_/datasets/recycle.py",
    "../_base_/models/vfnet_r50_fpn.py",
    "../_base_/schedules/1x.py",
]

optim_wrapper = dict(
    optimizer=dict(lr=0.01 * 4 / 16),  # one-stage detectors train at half the rate of two-stage ones
    paramwise_cfg=dict(bias_lr_mult=2.0, bias_decay_mult=0.0),
)
auto_scale_lr = dict(base_batch_size=4)
