# 4 epochs of AdamW from weights that are good already: a tenth of the rate of 20e_adamw.py, 0.0005 / 10 = 0.00005 for
# 16 images a step, a short warm-up for the new optimiser state, then down on half a cosine.
train_cfg = dict(type="EpochBasedTrainLoop", max_epochs=4, val_interval=1)
optim_wrapper = dict(
    type="OptimWrapper",
    optimizer=dict(type="AdamW", lr=0.00005, weight_decay=0.05),
    paramwise_cfg=dict(norm_decay_mult=0, bias_decay_mult=0, bypass_duplicate=True),
)
param_scheduler = [
    dict(type="LinearLR", start_factor=0.01, by_epoch=True, begin=0, end=1, convert_to_iter_based=True),
    dict(
        type="CosineAnnealingLR", by_epoch=True, begin=1, end=4, T_max=3, eta_min_ratio=0.05, convert_to_iter_based=True
    ),
]
auto_scale_lr = dict(enable=False, base_batch_size=16)
