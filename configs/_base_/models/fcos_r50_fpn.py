# FCOS with ResNet-50 and FPN: no anchors, a box from every point near an object's centre. With the later
# improvements: centre sampling, normalised distances, GIoU, centerness on the box branch.
_base_ = []
from sortline.pipeline.pick import pick

model = pick("mmdet::fcos/fcos_r50_fpn_gn-head-center-normbbox-centeronreg-giou_8xb8-amp-lsj-200e_coco.py", "model")
model["data_preprocessor"].pop("batch_augments")  # pads to 1024 for the large-scale jitter of that recipe
