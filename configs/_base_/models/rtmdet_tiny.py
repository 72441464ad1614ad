# RTMDet-tiny: 4.9 M parameters, made for real time; the smallest of its family.
_base_ = []
from sortline.pipeline.pick import pick

model = pick("mmdet::rtmdet/rtmdet_tiny_8xb32-300e_coco.py", "model")
