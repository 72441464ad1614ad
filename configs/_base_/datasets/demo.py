# The drawn photos of tools/make_demo_data.py: the contest's classes and files, small enough for a CPU.
#
# 680 train photos of 320 px, of which 68 are held out for validation. They are seen at 256 px, where a step costs
# two thirds. The loaders run in the training process: reading a batch takes 0.02 s, less than a process of its
# own would take from the cores.
_base_ = "recycle.py"

data_root = "data/demo"

load_pipeline = [dict(type="LoadImageFromFile"), dict(type="LoadAnnotations", with_bbox=True)]
train_pipeline = [
    *load_pipeline,
    dict(type="Resize", scale=(256, 256), keep_ratio=True),
    # Photos taken from above have no up and no down.
    dict(type="RandomFlip", prob=[0.4, 0.2], direction=["horizontal", "vertical"]),
    dict(type="PackDetInputs"),
]
test_pipeline = [
    dict(type="LoadImageFromFile"),
    dict(type="Resize", scale=(256, 256), keep_ratio=True),
    dict(type="LoadAnnotations", with_bbox=True),
    dict(type="PackDetInputs"),
]

train_dataloader = dict(batch_size=8, num_workers=0, persistent_workers=False)
val_dataloader = dict(batch_size=8, num_workers=0, persistent_workers=False)
test_dataloader = val_dataloader
