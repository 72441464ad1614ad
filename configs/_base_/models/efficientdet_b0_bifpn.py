# EfficientDet-D0 in mmdet's parts (https://arxiv.org/abs/1911.09070): EfficientNet-B0 by Noisy Student, three layers of
# BiFPN, and heads that share their convolutions over the levels but not their batch norms. The paper's heads have
# depthwise separable convolutions; these have ordinary ones.
_base_ = "retinanet_r50_fpn.py"

_norm = dict(type="BN", momentum=0.01, eps=1e-3)

model = dict(
    data_preprocessor=dict(pad_size_divisor=128),  # the smallest map has stride 128
    backbone=dict(
        _delete_=True,
        type="TimmBackbone",
        model_name="tf_efficientnet_b0.ns_jft_in1k",
        out_strides=(8, 16, 32),
        drop_path_rate=0.2,
        pretrained=True,
        even_padding=True,
    ),
    neck=dict(_delete_=True, type="BiFPN", in_channels=[40, 112, 320], out_channels=64, num_layers=3, norm_cfg=_norm),
    bbox_head=dict(
        type="RetinaSepBNHead",
        num_ins=5,
        in_channels=64,
        feat_channels=64,
        stacked_convs=3,
        norm_cfg=_norm,
        loss_cls=dict(gamma=1.5),
    ),
    train_cfg=dict(assigner=dict(neg_iou_thr=0.5)),
)
