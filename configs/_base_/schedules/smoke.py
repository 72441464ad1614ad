# One epoch at a small constant rate: to see that a new model or dataset runs at all. `--smoke` does the same to
# any config, two iterations of everything, and needs no config of its own.
train_cfg = dict(type="EpochBasedTrainLoop", max_epochs=1, val_interval=1)
optim_wrapper = dict(type="OptimWrapper", optimizer=dict(type="SGD", lr=0.001, momentum=0.9))
param_scheduler = []
auto_scale_lr = dict(enable=False, base_batch_size=16)
