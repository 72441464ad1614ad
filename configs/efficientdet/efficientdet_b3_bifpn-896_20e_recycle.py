# EfficientDet-D3 in mmdet's parts at 896: the family's scaling rule applied to backbone, neck, head and image at once.
#
#     python tools/train.py configs/efficientdet/efficientdet_b3_bifpn-896_20e_recycle.py
#
# Steps: 4,394 / 4 = 1,099 an epoch, 21,980 in all. Score and time: not yet measured.
_base_ = [
    "../_base_/default_runtime.py",
    "../_base_/datasets/recycle.py",
    "../_base_/models/efficientdet_b0_bifpn.py",
    "../_base_/schedules/20e_adamw.py",
]

model = dict(
    backbone=dict(model_name="tf_efficientnet_b3.ns_jft_in1k", drop_path_rate=0.3),
    neck=dict(in_channels=[48, 136, 384], out_channels=160, num_layers=6),
    bbox_head=dict(in_channels=160, feat_channels=160, stacked_convs=4),
)
train_pipeline = [
    dict(type="LoadImageFromFile"),
    dict(type="LoadAnnotations", with_bbox=True),
    dict(type="RandomResize", scale=(896, 896), ratio_range=(0.5, 2.0), keep_ratio=True),
    dict(type="RandomCrop", crop_size=(896, 896)),
    dict(type="RandomFlip", prob=0.5),
    dict(type="PackDetInputs"),
]
test_pipeline = [
    dict(type="LoadImageFromFile"),
    dict(type="Resize", scale=(896, 896), keep_ratio=True),
    dict(type="LoadAnnotations", with_bbox=True),
    dict(type="PackDetInputs"),
]
optim_wrapper = dict(
    optimizer=dict(lr=0.0005 * 4 / 16),  # 4 photos a step, the schedule is for 16
    clip_grad=dict(max_norm=10, norm_type=2),
)
auto_scale_lr = dict(base_batch_size=4)
