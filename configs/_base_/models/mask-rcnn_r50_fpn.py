# Mask R-CNN with ResNet-50 and FPN: Faster R-CNN with a mask for each box.
_base_ = "mmdet::_base_/models/mask-rcnn_r50_fpn.py"
