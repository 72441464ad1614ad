# EfficientDet-D0 in mmdet's parts at 512: few parameters and operations, from weights that saw 300 million photos.
#
#     python tools/train.py configs/efficientdet/efficientdet_b0_bifpn-512_20e_recycle.py
#
# Steps: 4,394 / 16 = 275 an epoch, 5,500 in all. The paper trains 300 epochs with SGD; AdamW is quicker in 20.
# Score and time: not yet measured.
_base_ = [
    "../_base_/default_runtime.py",
    "../_base_/datasets/recycle.py",
    "../_base_/models/efficientdet_b0_bifpn.py",
    "../_base_/schedules/20e_adamw.py",
]

train_pipeline = [
    dict(type="LoadImageFromFile"),
    dict(type="LoadAnnotations", with_bbox=True),
    dict(type="RandomResize", scale=(512, 512), ratio_range=(0.5, 2.0), keep_ratio=True),
    dict(type="RandomCrop", crop_size=(512, 512)),
    dict(type="RandomFlip", prob=0.5),
    dict(type="PackDetInputs"),
]
test_pipeline = [
    dict(type="LoadImageFromFile"),
    dict(type="Resize", scale=(512, 512), keep_ratio=True),
    dict(type="LoadAnnotations", with_bbox=True),
    dict(type="PackDetInputs"),
]
train_dataloader = dict(batch_size=16)
optim_wrapper = dict(clip_grad=dict(max_norm=10, norm_type=2))
