# RTMDet-tiny that stops when five validations bring nothing. Its rate falls from epoch 10 on: patience is 8 here, so
# that a flat score at the full rate does not end the run before the fall has had its chance.
#
#     python tools/train.py configs/recipes/rtmdet_tiny_cspnext-pafpn-640-early-stopping_20e_recycle.py
#
# Epoch: 4,394 / 16 = 275 steps; 20 epochs = 5,500. Score and time: not run yet.
_base_ = [
    "../rtmdet/rtmdet_tiny_cspnext-pafpn-640_20e_recycle.py",
    "../_base_/recipes/early_stopping.py",
]

recipe_early_stopping = dict(hook=dict(patience=8))
