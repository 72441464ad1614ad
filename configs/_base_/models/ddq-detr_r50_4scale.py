# DDQ-DETR with ResNet-50 and four feature scales: dense queries, made distinct by NMS before the decoder.
_base_ = []
from sortline.pipeline.pick import pick

model = pick("mmdet::ddq/ddq-detr-4scale_r50_8xb2-12e_coco.py", "model")
