# torchvision's FCOS: ResNet-50 and FPN, no anchors. Pretrained on COCO, but for what depends on the classes.
_base_ = "faster-rcnn-v2_r50_torchvision.py"
model = dict(
    model_name="fcos_resnet50_fpn",
    norm_eval=True,
    # torchvision shows boxes from 0.2 on; average precision counts those below as well.
    test_cfg=dict(score_thr=0.05, nms=dict(iou_threshold=0.6)),
    init_cfg=dict(checkpoint="https://download.pytorch.org/models/fcos_resnet50_fpn_coco-99b0c9b7.pth"),
)
