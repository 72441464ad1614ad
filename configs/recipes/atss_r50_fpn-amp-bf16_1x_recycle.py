# ATSS in bfloat16: as float16 in memory and time, without loss scaling and its skipped steps. Runs on a CPU too.
#
#     python tools/train.py configs/recipes/atss_r50_fpn-amp-bf16_1x_recycle.py
#
# Steps: 4,394 / 4 = 1,099 an epoch, 12 epochs = 13,188 of 4 photos. Score and time: not run yet.
_base_ = [
    "../atss/atss_r50_fpn_1x_recycle.py",
    "../_base_/recipes/amp_bf16.py",
]
