# 20 epochs of AdamW on half a cosine after an epoch of warm-up: for detectors that train with strong augmentation.
# 0.0005 is for 16 images a step: between the linear (0.004 x 16/256 = 0.00025) and the square-root rule (0.001)
# from RTMDet's 256 images; --auto-scale-lr scales it to yours.
train_cfg = dict(type="EpochBasedTrainLoop", max_epochs=20, val_interval=1)
optim_wrapper = dict(
    type="OptimWrapper",
    optimizer=dict(type="AdamW", lr=0.0005, weight_decay=0.05),
    paramwise_cfg=dict(norm_decay_mult=0, bias_decay_mult=0, bypass_duplicate=True),
)
param_scheduler = [
    dict(type="LinearLR", start_factor=0.001, by_epoch=True, begin=0, end=1, convert_to_iter_based=True),
    dict(
        type="CosineAnnealingLR",
        by_epoch=True,
        begin=10,
        end=20,
        T_max=10,
        eta_min_ratio=0.05,
        convert_to_iter_based=True,
    ),
]
auto_scale_lr = dict(enable=False, base_batch_size=16)
