# What is left of Hybrid Task Cascade without masks: Cascade R-CNN whose box heads also see a semantic branch, trained
# on the boxes painted as a map. Compare it with Cascade R-CNN, which it is but for that branch.
#
#     python tools/train.py configs/htc/htc_r50_fpn-box-semantics_1x_recycle.py
#
# Steps: 4,394 / 4 = 1,099 an epoch, 13,188 in all. Score and time: not yet measured.
_base_ = [
    "../_base_/default_runtime.py",
    "../_base_/datasets/recycle.py",
    "../_base_/models/htc_r50_fpn-box-semantics.py",
    "../_base_/schedules/1x.py",
]

optim_wrapper = dict(optimizer=dict(lr=0.02 * 4 / 16))  # 4 photos a step, the schedule is for 16
auto_scale_lr = dict(base_batch_size=4)
