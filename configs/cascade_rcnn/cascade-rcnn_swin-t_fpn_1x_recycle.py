# Cascade R-CNN on Swin-T from ImageNet-22k at the cost of ResNet-50: the first transformer to try.
# AdamW at a small rate with drop path, multi-scale.
#
#     python tools/train.py configs/cascade_rcnn/cascade-rcnn_swin-t_fpn_1x_recycle.py
#
# Steps: 4,394 / 4 = 1,099 an epoch, 13,188 in all. Score and time: not yet measured.
_base_ = [
    "../_base_/default_runtime.py",
    "../_base_/datasets/recycle.py",
    "../_base_/models/cascade-rcnn_r50_fpn.py",
    "../_base_/schedules/1x_adamw.py",
    "../_base_/recipes/multi_scale.py",
]

model = dict(
    backbone=dict(
        _delete_=True,
        type="TimmBackbone",
        model_name="swin_tiny_patch4_window7_224.ms_in22k",
        out_strides=(4, 8, 16, 32),
        drop_path_rate=0.2,
        out_norm=True,
        pretrained=True,
    ),
    neck=dict(in_channels=[96, 192, 384, 768]),
)
optim_wrapper = dict(optimizer=dict(lr=0.0001 * 4 / 16))  # 4 photos a step, the schedule is for 16
auto_scale_lr = dict(base_batch_size=4)
