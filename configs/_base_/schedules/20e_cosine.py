# 20 epochs of SGD: an epoch of warm-up, then half a cosine from the full rate down to a hundredth of it. No step to
# choose, and the last epochs are all at low rates. Loshchilov and Hutter, https://arxiv.org/abs/1608.03983.
# The learning rate is for 16 images a step; --auto-scale-lr scales it to yours, and eta_min with it in proportion.
train_cfg = dict(type="EpochBasedTrainLoop", max_epochs=20, val_interval=1)
optim_wrapper = dict(
    type="OptimWrapper",
    optimizer=dict(type="SGD", lr=0.02, momentum=0.9, weight_decay=0.0001),
)
param_scheduler = [
    dict(type="LinearLR", start_factor=0.001, by_epoch=True, begin=0, end=1, convert_to_iter_based=True),
    dict(
        type="CosineAnnealingLR",
        by_epoch=True,
        begin=1,
        end=20,
        T_max=19,
        eta_min_ratio=0.01,
        convert_to_iter_based=True,
    ),
]
auto_scale_lr = dict(enable=False, base_batch_size=16)
