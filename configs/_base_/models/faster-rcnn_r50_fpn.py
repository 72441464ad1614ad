# Faster R-CNN with ResNet-50 and FPN: the two-stage reference.
_base_ = "mmdet::_base_/models/faster-rcnn_r50_fpn.py"
