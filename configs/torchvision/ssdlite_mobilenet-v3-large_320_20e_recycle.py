# The smallest baseline: 3.4 million weights at 320x320. For a phone, or a first result on a CPU.
#
#     python tools/train.py configs/torchvision/ssdlite_mobilenet-v3-large_320_20e_recycle.py
#
# Starts from COCO (21.3 box AP there, by torchvision's account); the class scores start fresh for ten classes.
# Steps: 4,394 / 16 = 274 an epoch, 5,480 in all. Score and time: not yet measured.
_base_ = [
    "../_base_/default_runtime.py",
    "../_base_/datasets/recycle.py",
    "../_base_/models/ssdlite_mobilenet-v3-large_torchvision.py",
    "../_base_/schedules/20e.py",
]

train_pipeline = [
    dict(type="LoadImageFromFile"),
    dict(type="LoadAnnotations", with_bbox=True),
    dict(type="Resize", scale=(320, 320), keep_ratio=False),  # its default boxes are parts of a square
    dict(type="RandomFlip", prob=0.5),
    dict(type="PackDetInputs"),
]
test_pipeline = [
    dict(type="LoadImageFromFile"),
    dict(type="Resize", scale=(320, 320), keep_ratio=False),
    dict(type="LoadAnnotations", with_bbox=True),
    dict(type="PackDetInputs"),
]
# Its last map is a single pixel, whose batch norm can't be computed from the one photo that an epoch may end with.
train_dataloader = dict(batch_size=16, batch_sampler=None, drop_last=True)
val_dataloader = dict(batch_size=16)
test_dataloader = val_dataloader

optim_wrapper = dict(
    optimizer=dict(lr=0.15 * 16 / 192, weight_decay=0.00004)
)  # torchvision's rate is for 24 x 8 photos
auto_scale_lr = dict(base_batch_size=16)
