# DINO: the strongest family of past contests, here with its smallest backbone.
#
#     python tools/train.py configs/dino/dino_r50_4scale_1x_recycle.py
#
# Steps: 4,394 / 2 = 2,197 an epoch, 26,364 in all. Needs a GPU. Score and time: not yet measured.
_base_ = [
    "../_base_/default_runtime.py",
    "../_base_/datasets/recycle.py",
    "../_base_/models/dino_r50_4scale.py",
    "../_base_/schedules/1x.py",
]

train_pipeline = [
    dict(type="LoadImageFromFile"),
    dict(type="LoadAnnotations", with_bbox=True),
    dict(type="RandomFlip", prob=0.5),
    dict(type="RandomChoiceResize", scales=[(side, side) for side in range(640, 1153, 64)], keep_ratio=True),
    dict(type="PackDetInputs"),
]
train_dataloader = dict(batch_size=2)
optim_wrapper = dict(
    _delete_=True,
    type="OptimWrapper",
    optimizer=dict(type="AdamW", lr=0.0001 * 2 / 16, weight_decay=0.0001),  # DINO: 0.0001 for 16 photos
    clip_grad=dict(max_norm=0.1, norm_type=2),
    paramwise_cfg=dict(custom_keys=dict(backbone=dict(lr_mult=0.1))),
)
param_scheduler = [dict(type="MultiStepLR", by_epoch=True, begin=0, end=12, milestones=[11], gamma=0.1)]
auto_scale_lr = dict(base_batch_size=2)
