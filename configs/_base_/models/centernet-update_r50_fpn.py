# CenterNet in its second version (CenterNet2's first stage) with ResNet-50 and FPN: objects as points of a heat map.
_base_ = []
from sortline.pipeline.pick import pick

model = pick("mmdet::centernet/centernet-update_r50_fpn_8xb8-amp-lsj-200e_coco.py", "model")
model["data_preprocessor"].pop("batch_augments")  # pads to 1024 for the large-scale jitter of that recipe
