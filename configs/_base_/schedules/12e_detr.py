# 12 epochs of AdamW for the DETR family, a tenth of the rate in the last: gradients clipped hard, the backbone at a
# tenth of the rate. 0.0001 is for 16 images a step (https://arxiv.org/abs/2203.03605, appendix).
train_cfg = dict(type="EpochBasedTrainLoop", max_epochs=12, val_interval=1)
optim_wrapper = dict(
    type="OptimWrapper",
    optimizer=dict(type="AdamW", lr=0.0001, weight_decay=0.0001),
    clip_grad=dict(max_norm=0.1, norm_type=2),
    paramwise_cfg=dict(custom_keys=dict(backbone=dict(lr_mult=0.1))),
)
param_scheduler = [dict(type="MultiStepLR", by_epoch=True, begin=0, end=12, milestones=[11], gamma=0.1)]
auto_scale_lr = dict(enable=False, base_batch_size=16)
