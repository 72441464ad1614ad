# VFNet with ResNet-50 and FPN: scores trained to rank boxes by their IoU, boxes refined by star-shaped sampling.
_base_ = []
from sortline.pipeline.pick import pick

model = pick("mmdet::vfnet/vfnet_r50_fpn_1x_coco.py", "model")
