# YOLOX-s at 640: mosaic and scale jitter until the last four epochs, weights averaged over the run.
#
#     python tools/train.py configs/yolox/yolox_s_pafpn-640_20e_recycle.py
#
# Epoch: 4,394 / 16 = 275 steps; 20 epochs = 5,500. Score and time: not yet measured.
_base_ = [
    "../_base_/default_runtime.py",
    "../_base_/datasets/recycle.py",
    "../_base_/models/yolox_s.py",
    "../_base_/schedules/20e.py",
]

train_pipeline = [
    dict(type="Mosaic", img_scale=(640, 640), pad_val=114.0),
    dict(type="RandomAffine", scaling_ratio_range=(0.5, 1.5), border=(-320, -320)),
    dict(type="YOLOXHSVRandomAug"),
    dict(type="RandomFlip", prob=0.5),
    dict(type="Resize", scale=(640, 640), keep_ratio=True),
    dict(type="Pad", pad_to_square=True, pad_val=dict(img=(114.0, 114.0, 114.0))),
    dict(type="FilterAnnotations", min_gt_bbox_wh=(1, 1), keep_empty=False),
    dict(type="PackDetInputs"),
]
test_pipeline = [
    dict(type="LoadImageFromFile"),
    dict(type="Resize", scale=(640, 640), keep_ratio=True),
    dict(type="Pad", pad_to_square=True, pad_val=dict(img=(114.0, 114.0, 114.0))),
    dict(type="LoadAnnotations", with_bbox=True),
    dict(type="PackDetInputs"),
]
train_dataloader = dict(
    batch_size=16,
    batch_sampler=None,
    dataset=dict(_delete_=True, type="MultiImageMixDataset", dataset=dict(type="DetectionDataset")),
)
optim_wrapper = dict(
    optimizer=dict(lr=0.01 * 16 / 64, weight_decay=5e-4, nesterov=True),  # YOLOX: 0.01 for 64 photos
    paramwise_cfg=dict(norm_decay_mult=0.0, bias_decay_mult=0.0),
)
custom_hooks = [
    dict(type="YOLOXModeSwitchHook", num_last_epochs=4, priority=48),  # the last fifth without mosaic
    dict(type="SyncNormHook", priority=48),
    dict(type="EMAHook", ema_type="ExpMomentumEMA", momentum=0.0001, update_buffers=True, priority=49),
]
