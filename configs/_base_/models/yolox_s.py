# YOLOX-s: anchor-free, trained from scratch with strong augmentation; input size varies by batch.
_base_ = []
from sortline.pipeline.pick import pick

model = pick("mmdet::yolox/yolox_s_8xb8-300e_coco.py", "model")
