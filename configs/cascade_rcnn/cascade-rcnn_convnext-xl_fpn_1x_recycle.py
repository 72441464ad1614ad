# Cascade R-CNN on ConvNeXt-XL from ImageNet-22k: the largest convolutional backbone of the zoo.
# Layer-wise decay of the rate, as its authors train it.
#
#     python tools/train.py configs/cascade_rcnn/cascade-rcnn_convnext-xl_fpn_1x_recycle.py
#
# Steps: 4,394 / 2 = 2,197 an epoch, 26,364 in all.
# Activations are computed twice to fit the GPU. Score and time: not yet measured.
_base_ = [
    "../_base_/default_runtime.py",
    "../_base_/datasets/recycle.py",
    "../_base_/models/cascade-rcnn_r50_fpn.py",
    "../_base_/schedules/1x_adamw.py",
    "../_base_/recipes/multi_scale.py",
    "../_base_/recipes/layer_decay.py",
]

model = dict(
    backbone=dict(
        _delete_=True,
        type="TimmBackbone",
        model_name="convnext_xlarge.fb_in22k",
        out_strides=(4, 8, 16, 32),
        drop_path_rate=0.8,
        with_cp=True,
        out_norm=True,
        pretrained=True,
    ),
    neck=dict(in_channels=[256, 512, 1024, 2048]),
)
train_dataloader = dict(batch_size=2)
optim_wrapper = dict(optimizer=dict(lr=0.0001 * 2 / 16))  # 2 photos a step, the schedule is for 16
auto_scale_lr = dict(base_batch_size=2)
