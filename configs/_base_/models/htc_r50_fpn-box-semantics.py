# Hybrid Task Cascade with ResNet-50 and FPN, for boxes without masks: Cascade R-CNN whose box heads also see a semantic
# branch, which learns from the boxes painted as a map.
_base_ = []
from sortline.pipeline.pick import pick

model = pick("mmdet::htc/htc_r50_fpn_1x_coco.py", "model")
model["data_preprocessor"].pop("pad_seg")  # the map is painted from boxes, not loaded
_head = model["roi_head"]
_head["type"] = "BoxSemanticsRoIHead"
del _head["mask_roi_extractor"], _head["mask_head"], _head["interleaved"], _head["mask_info_flow"]
# These follow from the box heads and from the map.
del _head["semantic_head"]["num_classes"], _head["semantic_head"]["seg_scale_factor"]
