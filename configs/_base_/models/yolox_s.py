# YOLOX-s: anchor-free, trained from scratch with strong augmentation; input size varies by batch.
_base_ = []
from custom_modules.config.pick import pick

model = pick("mmdet::yolox/yolox_s_8xb8-300e_coco.py", "model")
