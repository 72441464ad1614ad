# ATSS with steps of 4 x 4 = 16 photos, the batch that its rate of 0.01 belongs to, on a GPU that holds 4.
#
#     python tools/train.py configs/recipes/atss_r50_fpn-accumulate_1x_recycle.py
#
# Steps: 4,394 / 4 = 1,099 batches an epoch, 12 x 1,099 / 4 = 3,297 of the optimiser. Score and time: not run yet.
_base_ = [
    "../atss/atss_r50_fpn_1x_recycle.py",
    "../_base_/recipes/grad_accumulation.py",
]

optim_wrapper = dict(optimizer=dict(lr=0.01 * 4 * 4 / 16))
