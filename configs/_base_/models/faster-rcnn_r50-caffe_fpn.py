# Faster R-CNN as Detectron2 has it: a ResNet-50 that strides in its 1x1 convolutions, frozen batch norms, BGR photos
# with nothing but the mean taken off. Weights come from Detectron2 (tools/import_weights.py).
_base_ = []
from sortline.pipeline.pick import pick

model = pick("mmdet::faster_rcnn/faster-rcnn_r50-caffe_fpn_1x_coco.py", "model")
