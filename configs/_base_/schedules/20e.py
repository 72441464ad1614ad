# 20 epochs of SGD, a tenth of the rate from epoch 16 and again from 19. An epoch of warm-up comes first.
# The learning rate is for 16 images a step; --auto-scale-lr scales it to yours.
train_cfg = dict(type="EpochBasedTrainLoop", max_epochs=20, val_interval=1)
optim_wrapper = dict(
    type="OptimWrapper",
    optimizer=dict(type="SGD", lr=0.02, momentum=0.9, weight_decay=0.0001),
)
param_scheduler = [
    dict(type="LinearLR", start_factor=0.001, by_epoch=True, begin=0, end=1, convert_to_iter_based=True),
    dict(type="MultiStepLR", by_epoch=True, begin=0, end=20, milestones=[16, 19], gamma=0.1),
]
auto_scale_lr = dict(enable=False, base_batch_size=16)
