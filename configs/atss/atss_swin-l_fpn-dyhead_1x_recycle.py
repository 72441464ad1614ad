# Swin-L with six blocks of dynamic attention before ATSS: one of the strongest detectors without a decoder.
#
#     python tools/train.py configs/atss/atss_swin-l_fpn-dyhead_1x_recycle.py
#
# Steps: 4,394 / 2 = 2,197 an epoch, 26,364 in all. Half the rate of other Swin detectors, as the
# authors train it. Score and time: not yet measured.
_base_ = [
    "../_base_/default_runtime.py",
    "../_base_/datasets/recycle.py",
    "../_base_/models/atss_r50_fpn-dyhead.py",
    "../_base_/schedules/1x_adamw.py",
    "../_base_/recipes/multi_scale.py",
]

model = dict(
    data_preprocessor=dict(pad_size_divisor=128),
    backbone=dict(
        _delete_=True,
        type="TimmBackbone",
        model_name="swin_large_patch4_window12_384.ms_in22k",
        out_strides=(8, 16, 32),
        drop_path_rate=0.2,
        with_cp=True,
        out_norm=True,
        pretrained=True,
    ),
    neck=[
        dict(type="FPN", in_channels=[384, 768, 1536], out_channels=256, add_extra_convs="on_output", num_outs=5),
        dict(type="DyHead", in_channels=256, out_channels=256, num_blocks=6, zero_init_offset=False),
    ],
    bbox_head=dict(pred_kernel_size=1, anchor_generator=dict(center_offset=0.5)),
)
train_dataloader = dict(batch_size=2)
optim_wrapper = dict(optimizer=dict(lr=0.00005 * 2 / 16))
auto_scale_lr = dict(base_batch_size=2)
