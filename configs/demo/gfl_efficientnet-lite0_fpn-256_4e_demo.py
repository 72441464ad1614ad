# What `make demo` trains: a detector of ten classes in three minutes on two cores, without a GPU.
#
#     python tools/make_demo_data.py data/demo
#     python tools/train.py configs/demo/gfl_efficientnet-lite0_fpn-256_4e_demo.py
#
# Steps: 612 / 8 = 77 an epoch, 308 in all. Scores and times: README.md beside this file.
_base_ = [
    "../_base_/default_runtime.py",
    "../_base_/datasets/demo.py",
    "../_base_/models/gfl_efficientnet-lite0.py",
]

train_cfg = dict(type="EpochBasedTrainLoop", max_epochs=4, val_interval=4)
optim_wrapper = dict(
    type="OptimWrapper",
    optimizer=dict(type="AdamW", lr=0.002, weight_decay=0.05),
    clip_grad=dict(max_norm=20),
)
# Up for an epoch, then down to nothing: the quickest way to a good model in a few hundred steps.
param_scheduler = [
    dict(type="LinearLR", start_factor=0.04, begin=0, end=1, convert_to_iter_based=True),
    dict(type="CosineAnnealingLR", T_max=3, eta_min=0, begin=1, end=4, convert_to_iter_based=True),
]
auto_scale_lr = dict(enable=False, base_batch_size=8)
