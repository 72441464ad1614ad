# The recycling-trash contest: 4,883 train and 4,871 test photos of 1024x1024, ten classes, mAP50.
#
# Everything about the data is here and nowhere else. Loaders and evaluators take data_root, ann_files, metainfo
# and the pipelines from these variables when a run starts, the model's heads take their number of classes.
dataset_type = "DetectionDataset"
data_root = "data/recycle"
metainfo = dict(
    classes=(
        "General trash",
        "Paper",
        "Paper pack",
        "Metal",
        "Glass",
        "Plastic",
        "Styrofoam",
        "Plastic bag",
        "Battery",
        "Clothing",
    ),
    palette=[
        (130, 130, 130),
        (66, 135, 245),
        (245, 173, 66),
        (160, 82, 45),
        (52, 168, 83),
        (234, 67, 53),
        (155, 89, 182),
        (0, 188, 212),
        (255, 235, 59),
        (233, 30, 99),
    ],
)
# A validation file of your own, or None: then val_fraction of the train images is held out.
ann_files = dict(train="train.json", val=None, test="test.json")
val_fraction = 0.1
# Made by tools/make_folds.py; --fold 2 reads them in place of the two files above.
fold_files = "folds/fold_{fold}_{part}.json"

load_pipeline = [dict(type="LoadImageFromFile"), dict(type="LoadAnnotations", with_bbox=True)]
train_pipeline = [
    *load_pipeline,
    dict(type="Resize", scale=(1024, 1024), keep_ratio=True),
    dict(type="RandomFlip", prob=0.5),
    dict(type="PackDetInputs"),
]
test_pipeline = [
    dict(type="LoadImageFromFile"),
    dict(type="Resize", scale=(1024, 1024), keep_ratio=True),
    dict(type="LoadAnnotations", with_bbox=True),
    dict(type="PackDetInputs"),
]

train_dataloader = dict(
    batch_size=4,
    num_workers=4,
    persistent_workers=True,
    sampler=dict(type="DefaultSampler", shuffle=True),
    batch_sampler=dict(type="AspectRatioBatchSampler"),
    dataset=dict(type=dataset_type, filter_cfg=dict(filter_empty_gt=False)),
)
val_dataloader = dict(
    batch_size=4,
    num_workers=2,
    persistent_workers=True,
    sampler=dict(type="DefaultSampler", shuffle=False),
    dataset=dict(type=dataset_type),
)
test_dataloader = val_dataloader

val_evaluator = dict(type="ContestMetric")
deciding_score = "contest/mAP50"  # of the metrics that val_evaluator reports: chooses the best checkpoint
test_evaluator = val_evaluator
