# 12 epochs of AdamW, a tenth of the rate from epoch 8 and again from 11, after an epoch of warm-up: for Swin and
# ConvNeXt, which SGD trains badly. 0.0001 is for 16 images a step (https://arxiv.org/abs/2103.14030, section 4.2).
# Norms, biases of positions and the like are not pulled towards zero.
train_cfg = dict(type="EpochBasedTrainLoop", max_epochs=12, val_interval=1)
optim_wrapper = dict(
    type="OptimWrapper",
    optimizer=dict(type="AdamW", lr=0.0001, weight_decay=0.05),
    paramwise_cfg=dict(
        norm_decay_mult=0.0,
        custom_keys=dict(absolute_pos_embed=dict(decay_mult=0.0), relative_position_bias_table=dict(decay_mult=0.0)),
    ),
)
param_scheduler = [
    dict(type="LinearLR", start_factor=0.001, by_epoch=True, begin=0, end=1, convert_to_iter_based=True),
    dict(type="MultiStepLR", by_epoch=True, begin=0, end=12, milestones=[8, 11], gamma=0.1),
]
auto_scale_lr = dict(enable=False, base_batch_size=16)
