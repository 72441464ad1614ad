# Deformable DETR with box refinement and two stages: where DINO comes from. It needs long training: 50 epochs.
#
#     python tools/train.py configs/deformable_detr/deformable-detr_r50_refine-two-stage_50e_recycle.py
#
# Steps: 4,394 / 2 = 2,197 an epoch, 109,850 in all. Needs a GPU. Score and time: not yet measured.
_base_ = [
    "../_base_/default_runtime.py",
    "../_base_/datasets/recycle.py",
    "../_base_/models/deformable-detr_r50.py",
    "../_base_/schedules/12e_detr.py",
    "../_base_/recipes/multi_scale.py",
]

train_dataloader = dict(batch_size=2)
train_cfg = dict(max_epochs=50)
optim_wrapper = dict(
    optimizer=dict(lr=0.0002 * 2 / 32),  # Deformable DETR: 0.0002 for 32 photos
    paramwise_cfg=dict(custom_keys=dict(sampling_offsets=dict(lr_mult=0.1), reference_points=dict(lr_mult=0.1))),
)
param_scheduler = [dict(type="MultiStepLR", by_epoch=True, begin=0, end=50, milestones=[40], gamma=0.1)]
auto_scale_lr = dict(base_batch_size=2)
