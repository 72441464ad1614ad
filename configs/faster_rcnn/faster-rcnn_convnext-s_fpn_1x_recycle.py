# Faster R-CNN on ConvNeXt-S from ImageNet-22k: convolutions with a transformer's training, as good as Swin-S
# and simpler to deploy. Layer-wise decay of the rate, as its authors train it.
#
#     python tools/train.py configs/faster_rcnn/faster-rcnn_convnext-s_fpn_1x_recycle.py
#
# Steps: 4,394 / 4 = 1,099 an epoch, 13,188 in all. Score and time: not yet measured.
_base_ = [
    "../_base_/default_runtime.py",
    "../_base_/datasets/recycle.py",
    "../_base_/models/faster-rcnn_r50_fpn.py",
    "../_base_/schedules/1x_adamw.py",
    "../_base_/recipes/multi_scale.py",
    "../_base_/recipes/layer_decay.py",
]

model = dict(
    backbone=dict(
        _delete_=True,
        type="TimmBackbone",
        model_name="convnext_small.fb_in22k",
        out_strides=(4, 8, 16, 32),
        drop_path_rate=0.6,
        with_cp=True,
        out_norm=True,
        pretrained=True,
    ),
    neck=dict(in_channels=[96, 192, 384, 768]),
)
optim_wrapper = dict(optimizer=dict(lr=0.0001 * 4 / 16))  # 4 photos a step, the schedule is for 16
auto_scale_lr = dict(base_batch_size=4)
