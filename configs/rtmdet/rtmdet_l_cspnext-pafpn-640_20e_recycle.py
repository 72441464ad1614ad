# RTMDet-l at 640: the size that its paper recommends.
#
#     python tools/train.py configs/rtmdet/rtmdet_l_cspnext-pafpn-640_20e_recycle.py
#
# Steps: 4,394 / 8 = 550 an epoch, 11,000 in all. Score and time: not yet measured.
_base_ = [
    "../_base_/default_runtime.py",
    "../_base_/datasets/recycle_mosaic-640.py",
    "../_base_/models/rtmdet_l.py",
    "../_base_/schedules/20e_adamw.py",
]

train_dataloader = dict(batch_size=8)
optim_wrapper = dict(optimizer=dict(lr=0.0005 * 8 / 16))  # 8 photos a step, the schedule is for 16
auto_scale_lr = dict(base_batch_size=8)
custom_hooks = [
    dict(type="EMAHook", ema_type="ExpMomentumEMA", momentum=0.0002, update_buffers=True, priority=49),
    dict(type="PipelineSwitchHook", switch_epoch=16),  # the last fifth without mosaic and mixup
]
