# RTMDet-m at 640: the largest of its family that still trains quickly.
#
#     python tools/train.py configs/rtmdet/rtmdet_m_cspnext-pafpn-640_20e_recycle.py
#
# Steps: 4,394 / 16 = 275 an epoch, 5,500 in all. Score and time: not yet measured.
_base_ = [
    "../_base_/default_runtime.py",
    "../_base_/datasets/recycle_mosaic-640.py",
    "../_base_/models/rtmdet_m.py",
    "../_base_/schedules/20e_adamw.py",
]

custom_hooks = [
    dict(type="EMAHook", ema_type="ExpMomentumEMA", momentum=0.0002, update_buffers=True, priority=49),
    dict(type="PipelineSwitchHook", switch_epoch=16),  # the last fifth without mosaic and mixup
]
