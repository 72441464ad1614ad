# DINO with ResNet-50 and four feature scales: a transformer decoder, no anchors, no NMS.
_base_ = []
from sortline.pipeline.pick import pick

model = pick("mmdet::dino/dino-4scale_r50_8xb2-12e_coco.py", "model")
