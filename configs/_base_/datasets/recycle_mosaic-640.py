# The contest at 640 with mosaic and mixup until train_pipeline_stage2, which takes over late in training: what
# RTMDet is trained with. Cached mosaic keeps loaded photos, so that a sample still costs one read.
_base_ = "recycle.py"

pad = dict(type="Pad", size=(640, 640), pad_val=dict(img=(114, 114, 114)))
jitter = [
    dict(type="RandomResize", scale=(640, 640), ratio_range=(0.5, 2.0), keep_ratio=True),
    dict(type="RandomCrop", crop_size=(640, 640)),
    dict(type="YOLOXHSVRandomAug"),
    dict(type="RandomFlip", prob=0.5),
    pad,
]
load_pipeline = [dict(type="LoadImageFromFile"), dict(type="LoadAnnotations", with_bbox=True)]
train_pipeline = [
    *load_pipeline,
    dict(type="CachedMosaic", img_scale=(640, 640), pad_val=114.0, max_cached_images=20, random_pop=False),
    *jitter,
    dict(
        type="CachedMixUp",
        img_scale=(640, 640),
        ratio_range=(1.0, 1.0),
        max_cached_images=10,
        random_pop=False,
        pad_val=(114, 114, 114),
        prob=0.5,
    ),
    dict(type="PackDetInputs"),
]
train_pipeline_stage2 = [*load_pipeline, *jitter, dict(type="PackDetInputs")]
test_pipeline = [
    dict(type="LoadImageFromFile"),
    dict(type="Resize", scale=(640, 640), keep_ratio=True),
    pad,
    dict(type="LoadAnnotations", with_bbox=True),
    dict(type="PackDetInputs"),
]
train_dataloader = dict(batch_size=16, batch_sampler=None)
