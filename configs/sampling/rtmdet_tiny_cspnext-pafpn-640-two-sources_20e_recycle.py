# RTMDet-tiny on the contest's photos and a second source: TACO, 145 litter photos with the same ten classes, in
# data/taco-recycle. To see whether foreign photos help; a weight keeps a small source from being lost in a large one.
#
#     python tools/train.py configs/sampling/rtmdet_tiny_cspnext-pafpn-640-two-sources_20e_recycle.py
#
# Epoch: 4,394 of the contest, each once, and 0.1 x 4,394 = 439 of TACO, each three times or four: 4,833 / 16 = 303
# steps; 20 epochs = 6,060. Score and time: not yet measured.
_base_ = "../rtmdet/rtmdet_tiny_cspnext-pafpn-640_20e_recycle.py"

train_sources = [dict(name="taco", data_root="data/taco-recycle", ann_file="train.json", weight=0.1)]
