# torchvision's one-stage baseline with anchors.
#
#     python tools/train.py configs/torchvision/retinanet-v2_r50_fpn_1x_recycle.py
#
# Starts from COCO (41.5 box AP there, by torchvision's account); the class scores start fresh for ten classes.
# Steps: 4,394 / 4 = 1,099 an epoch, 13,188 in all. Score and time: not yet measured.
_base_ = [
    "../_base_/default_runtime.py",
    "../_base_/datasets/recycle.py",
    "../_base_/models/retinanet-v2_r50_torchvision.py",
    "../_base_/schedules/1x.py",
]

# One-stage detectors train at half the rate of two-stage ones.
optim_wrapper = dict(optimizer=dict(lr=0.01 * 4 / 16), clip_grad=dict(max_norm=35, norm_type=2))
auto_scale_lr = dict(base_batch_size=4)
