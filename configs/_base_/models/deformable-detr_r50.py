# Deformable DETR with ResNet-50, iterative box refinement and two stages: attention to a few sampled points.
_base_ = []
from sortline.pipeline.pick import pick

model = pick("mmdet::deformable_detr/deformable-detr-refine-twostage_r50_16xb2-50e_coco.py", "model")
