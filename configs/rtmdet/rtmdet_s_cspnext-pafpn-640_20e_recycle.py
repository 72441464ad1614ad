# RTMDet-s at 640: the step up from tiny at about twice its cost.
#
#     python tools/train.py configs/rtmdet/rtmdet_s_cspnext-pafpn-640_20e_recycle.py
#
# Epoch: 4,394 / 16 = 275 steps; 20 epochs = 5,500. Score and time: not yet measured.
_base_ = [
    "../_base_/default_runtime.py",
    "../_base_/datasets/recycle_mosaic-640.py",
    "../_base_/models/rtmdet_s.py",
    "../_base_/schedules/20e_adamw.py",
]

custom_hooks = [
    dict(type="EMAHook", ema_type="ExpMomentumEMA", momentum=0.0002, update_buffers=True, priority=49),
    dict(type="PipelineSwitchHook", switch_epoch=16),  # the last fifth without mosaic and mixup
]
