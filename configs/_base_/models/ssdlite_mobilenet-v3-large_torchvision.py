# torchvision's SSDlite for 320x320: MobileNetV3-Large, for phones. Pretrained on COCO, but for what depends on the
# classes.
_base_ = "faster-rcnn-v2_r50_torchvision.py"
model = dict(
    model_name="ssdlite320_mobilenet_v3_large",
    test_cfg=dict(score_thr=0.001, nms=dict(iou_threshold=0.55), max_per_img=300),
    data_preprocessor=dict(mean=[127.5, 127.5, 127.5], std=[127.5, 127.5, 127.5]),  # to -1 .. 1
    init_cfg=dict(checkpoint="https://download.pytorch.org/models/ssdlite320_mobilenet_v3_large_coco-a79551df.pth"),
)
