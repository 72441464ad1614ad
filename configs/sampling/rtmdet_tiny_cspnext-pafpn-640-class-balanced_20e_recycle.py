# RTMDet-tiny with each class drawn equally often: the strongest balance. Images of a rare class come again and again,
# so a class with few images may be learnt by heart: see what the log says of distinct images.
#
#     python tools/train.py configs/sampling/rtmdet_tiny_cspnext-pafpn-640-class-balanced_20e_recycle.py
#
# Battery is the reason for a tenth of the draws: its 46 of 4,883 images come about 11 times an epoch each.
# Epoch: 4,394 / 16 = 275 steps as without it; 20 epochs = 5,500. Score and time: not yet measured.
_base_ = [
    "../rtmdet/rtmdet_tiny_cspnext-pafpn-640_20e_recycle.py",
    "../_base_/recipes/class_balanced.py",
]
