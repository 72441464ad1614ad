# RTMDet-Ins-s: RTMDet with a mask for each box, by kernels that it predicts.
_base_ = []
from sortline.pipeline.pick import pick

model = pick("mmdet::rtmdet/rtmdet-ins_s_8xb32-300e_coco.py", "model")
