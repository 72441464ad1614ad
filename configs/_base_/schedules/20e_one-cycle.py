# 20 epochs of AdamW on one cycle: up from 0.001 / 25 = 0.00004 to 0.001 in the first 0.3 x 20 = 6 epochs, then down
# on a cosine to 0.00004 / 10,000. The high rate in the middle regularises. Smith, https://arxiv.org/abs/1708.07120.
# The peak is for 16 images a step, as the rate of 20e_adamw.py doubled: it lasts for moments only. It is eta_max and
# not the optimiser's rate that decides; --auto-scale-lr does not reach it, so scale eta_max with your batch.
train_cfg = dict(type="EpochBasedTrainLoop", max_epochs=20, val_interval=1)
optim_wrapper = dict(
    type="OptimWrapper",
    optimizer=dict(type="AdamW", lr=0.001, weight_decay=0.05),
    paramwise_cfg=dict(norm_decay_mult=0, bias_decay_mult=0, bypass_duplicate=True),
)
param_scheduler = [
    dict(
        type="OneCycleLR",
        eta_max=0.001,
        total_steps=20,
        pct_start=0.3,
        div_factor=25,
        final_div_factor=10000,
        by_epoch=True,
        convert_to_iter_based=True,
    ),
]
