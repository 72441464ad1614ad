# DINO on Swin-L from ImageNet-22k: what the best reports of past contests end with. Four scales in place of the paper's
# five, for the sake of memory.
#
#     python tools/train.py configs/dino/dino_swin-l_4scale_1x_recycle.py
#
# Steps: 4,394 / 1 = 4,394 an epoch, 52,728 in all. Needs a GPU. Score and time: not yet measured.
_base_ = [
    "../_base_/default_runtime.py",
    "../_base_/datasets/recycle.py",
    "../_base_/models/dino_r50_4scale.py",
    "../_base_/schedules/12e_detr.py",
    "../_base_/recipes/multi_scale.py",
]

model = dict(
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
    neck=dict(in_channels=[384, 768, 1536]),
)
train_dataloader = dict(batch_size=1)
optim_wrapper = dict(optimizer=dict(lr=0.0001 * 1 / 16))  # 1 photo a step, the schedule is for 16
auto_scale_lr = dict(base_batch_size=1)
