# RTMDet-s: 8.9 M parameters, made for real time.
_base_ = []
from sortline.pipeline.pick import pick

model = pick("mmdet::rtmdet/rtmdet_s_8xb32-300e_coco.py", "model")
