# GFL on EfficientNet-lite0 at 448 px: real photos without a GPU, from weights that come with the requirements.
#
#     python tools/train.py configs/gfl/gfl_efficientnet-lite0_fpn-448_12e_recycle.py
#
# The demo's detector with recipes for few photos: flips and rotations, several sizes, averaged weights. Meant for
# hundreds of photos: 131 of them are 17 steps an epoch at batch 8, 204 in all; the contest's 4,394 would be 550 an
# epoch. Measured on five folds of TACO photos: docs/recipes.md.
_base_ = [
    "../_base_/default_runtime.py",
    "../_base_/datasets/recycle.py",
    "../_base_/models/gfl_efficientnet-lite0.py",
    "../_base_/recipes/multi_scale.py",
    "../_base_/recipes/flips_and_rotations.py",
    "../_base_/recipes/ema.py",
]

recipe_multi_scale = dict(resize=dict(scales=[(side, side) for side in range(352, 545, 32)]))
test_pipeline = [
    dict(type="LoadImageFromFile"),
    dict(type="Resize", scale=(448, 448), keep_ratio=True),
    dict(type="LoadAnnotations", with_bbox=True),
    dict(type="PackDetInputs"),
]
train_dataloader = dict(batch_size=8, num_workers=0, persistent_workers=False)
val_dataloader = dict(batch_size=8, num_workers=0, persistent_workers=False)
test_dataloader = val_dataloader

train_cfg = dict(type="EpochBasedTrainLoop", max_epochs=12, val_interval=12)
optim_wrapper = dict(
    type="OptimWrapper",
    optimizer=dict(type="AdamW", lr=0.002, weight_decay=0.05),
    clip_grad=dict(max_norm=20),
)
param_scheduler = [
    dict(type="LinearLR", start_factor=0.04, begin=0, end=1, convert_to_iter_based=True),
    dict(type="CosineAnnealingLR", T_max=11, eta_min=0, begin=1, end=12, convert_to_iter_based=True),
]
auto_scale_lr = dict(enable=False, base_batch_size=8)
