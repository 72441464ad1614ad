# RTMDet-x: 94.9 M parameters.
_base_ = []
from sortline.pipeline.pick import pick

model = pick("mmdet::rtmdet/rtmdet_x_8xb32-300e_coco.py", "model")
