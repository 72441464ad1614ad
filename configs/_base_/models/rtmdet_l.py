# RTMDet-l: 52.3 M parameters.
_base_ = []
from sortline.pipeline.pick import pick

model = pick("mmdet::rtmdet/rtmdet_l_8xb32-300e_coco.py", "model")
