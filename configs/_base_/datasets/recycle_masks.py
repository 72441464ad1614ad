# The contest with masks: annotations need a `segmentation`, polygons or run lengths, beside each `bbox`. Validation
# scores boxes as everywhere, and masks by COCO's metric (coco/segm_mAP, coco/segm_mAP_50).
_base_ = "recycle.py"

dataset_type = "MaskedDetectionDataset"
load_pipeline = [
    dict(type="LoadImageFromFile"),
    dict(type="LoadAnnotations", with_bbox=True, with_mask=True, poly2mask=False),
]
train_pipeline = [
    *load_pipeline,
    dict(type="Resize", scale=(1024, 1024), keep_ratio=True),
    dict(type="RandomFlip", prob=0.5),
    dict(type="PackDetInputs"),
]
train_dataloader = dict(dataset=dict(type=dataset_type))

val_evaluator = [dict(type="ContestMetric"), dict(type="CocoMetric", metric="segm")]
