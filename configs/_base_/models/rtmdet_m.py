# RTMDet-m: 24.7 M parameters.
_base_ = []
from sortline.pipeline.pick import pick

model = pick("mmdet::rtmdet/rtmdet_m_8xb32-300e_coco.py", "model")
