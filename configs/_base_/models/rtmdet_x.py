# RTMDet-x: 94.9 M parameters.
_base_ = []
from custom_modules.config.pick import pick

model = pick("mmdet::rtmdet/rtmdet_x_8xb32-300e_coco.py", "model")
