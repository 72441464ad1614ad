# DINO: the strongest family of past contests, here with its smallest backbone.
#
#     python tools/train.py configs/dino/dino_r50_4scale_1x_recycle.py
#
# Steps: 4,394 / 2 = 2,197 an epoch, 26,364 in all. Needs a GPU. Score and time: not yet measured.
_base_ = [
    "../_base_/default_runtime.py",
    "../_base_/datasets/recycle.py",
    "../_base_/models/dino_r50_4scale.py",
    "../_base_/schedules/12e_detr.py",
    "../_base_/recipes/multi_scale.py",
]

train_dataloader = dict(batch_size=2)
optim_wrapper = dict(optimizer=dict(lr=0.0001 * 2 / 16))  # 2 photos a step, the schedule is for 16
auto_scale_lr = dict(base_batch_size=2)
