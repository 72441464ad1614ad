# Cascade R-CNN with ResNet-50 and FPN: three heads of rising IoU, better localised boxes.
_base_ = "mmdet::_base_/models/cascade-rcnn_r50_fpn.py"
