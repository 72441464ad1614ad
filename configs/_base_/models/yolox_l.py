# YOLOX-l: the large one of its family.
_base_ = []
from sortline.pipeline.pick import pick

model = pick("mmdet::yolox/yolox_l_8xb8-300e_coco.py", "model")
