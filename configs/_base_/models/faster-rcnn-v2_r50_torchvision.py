# torchvision's improved Faster R-CNN: ResNet-50 and FPN, batch norms and four convolutions in the box head
# (https://arxiv.org/abs/2111.11429). Pretrained on COCO, but for what depends on the classes.
model = dict(
    type="TorchvisionDetector",
    model_name="fasterrcnn_resnet50_fpn_v2",
    num_classes=80,  # set from the dataset config when a run starts
    test_cfg=dict(score_thr=0.05, nms=dict(type="nms", iou_threshold=0.5), max_per_img=100),
    data_preprocessor=dict(
        type="DetDataPreprocessor",
        mean=[123.675, 116.28, 103.53],  # 255 x torchvision's 0.485, 0.456, 0.406
        std=[58.395, 57.12, 57.375],
        bgr_to_rgb=True,
    ),
    init_cfg=dict(
        type="Pretrained",
        checkpoint="https://download.pytorch.org/models/fasterrcnn_resnet50_fpn_v2_coco-dd69338a.pth",
    ),
)
