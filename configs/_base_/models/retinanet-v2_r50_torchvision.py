# torchvision's improved RetinaNet: ResNet-50 and FPN, group norms in the heads, GIoU loss. Pretrained on COCO, but for
# what depends on the classes.
_base_ = "faster-rcnn-v2_r50_torchvision.py"
model = dict(
    model_name="retinanet_resnet50_fpn_v2",
    test_cfg=dict(max_per_img=300),
    init_cfg=dict(checkpoint="https://download.pytorch.org/models/retinanet_resnet50_fpn_v2_coco-5905b1c5.pth"),
)
