# Mask2Former on instances: masks from queries, boxes from masks. With the large-scale jitter that it is trained with.
# The contest has boxes only: this needs a `segmentation` beside each.
#
#     python tools/train.py configs/mask2former/mask2former_r50_lsj_50e_recycle.py
#
# Steps: 4,394 / 2 = 2,197 an epoch, 109,850 in all. Needs a GPU. Score and time: not yet measured.
_base_ = [
    "../_base_/default_runtime.py",
    "../_base_/datasets/recycle_masks.py",
    "../_base_/models/mask2former_r50.py",
    "../_base_/schedules/12e_detr.py",
]

train_pipeline = [
    dict(type="LoadImageFromFile"),
    dict(type="LoadAnnotations", with_bbox=True, with_mask=True, poly2mask=False),
    dict(type="RandomResize", scale=(1024, 1024), ratio_range=(0.1, 2.0), keep_ratio=True),
    dict(type="RandomCrop", crop_size=(1024, 1024), recompute_bbox=True, allow_negative_crop=True),
    dict(type="FilterAnnotations", min_gt_bbox_wh=(1e-5, 1e-5), by_mask=True),
    dict(type="RandomFlip", prob=0.5),
    dict(type="PackDetInputs"),
]
train_dataloader = dict(batch_size=2)
train_cfg = dict(max_epochs=50)
_no_decay = dict(lr_mult=1.0, decay_mult=0.0)
optim_wrapper = dict(
    optimizer=dict(lr=0.0001 * 2 / 16, weight_decay=0.05),  # 2 photos a step, the schedule is for 16
    clip_grad=dict(max_norm=0.01),
    paramwise_cfg=dict(
        norm_decay_mult=0.0, custom_keys=dict(query_embed=_no_decay, query_feat=_no_decay, level_embed=_no_decay)
    ),
)
# The authors' 327,778 and 355,092 of 368,750 steps.
param_scheduler = [dict(type="MultiStepLR", by_epoch=True, begin=0, end=50, milestones=[44, 48], gamma=0.1)]
auto_scale_lr = dict(base_batch_size=2)
