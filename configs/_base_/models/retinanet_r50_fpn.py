# RetinaNet with ResNet-50 and FPN: the one-stage reference, anchors and focal loss.
_base_ = "mmdet::_base_/models/retinanet_r50_fpn.py"
