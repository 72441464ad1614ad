# DDQ-DETR: DINO with dense queries that are made distinct first; a better start for few epochs.
#
#     python tools/train.py configs/ddq/ddq-detr_r50_4scale_1x_recycle.py
#
# Steps: 4,394 / 2 = 2,197 an epoch, 26,364 in all. Needs a GPU. Twice DINO's rate and a stronger
# pull to zero, after an epoch of warm-up, as the authors train it. Score and time: not yet measured.
_base_ = [
    "../_base_/default_runtime.py",
    "../_base_/datasets/recycle.py",
    "../_base_/models/ddq-detr_r50_4scale.py",
    "../_base_/schedules/12e_detr.py",
    "../_base_/recipes/multi_scale.py",
]

train_dataloader = dict(batch_size=2)
optim_wrapper = dict(optimizer=dict(lr=0.0002 * 2 / 16, weight_decay=0.05))
param_scheduler = [
    dict(type="LinearLR", start_factor=0.0001, by_epoch=True, begin=0, end=1, convert_to_iter_based=True),
    dict(type="MultiStepLR", by_epoch=True, begin=0, end=12, milestones=[11], gamma=0.1),
]
auto_scale_lr = dict(base_batch_size=2)
