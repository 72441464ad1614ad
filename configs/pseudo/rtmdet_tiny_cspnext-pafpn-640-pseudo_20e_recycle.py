# RTMDet-tiny with the test photos as a second source: boxes that a stronger detector, best an ensemble, was sure of.
# To see whether 4,871 more photos with mostly right boxes teach more than their wrong and missing ones unteach.
#
#     python tools/make_pseudo_labels.py --ann data/recycle/test.json --pred ensemble.bbox.json \
#         --train data/recycle/train.json --score-thr 0.6 --out data/recycle/pseudo.json
#     python tools/train.py configs/pseudo/rtmdet_tiny_cspnext-pafpn-640-pseudo_20e_recycle.py
#
# Epoch: 4,394 of the train photos, each once, and 0.5 x 4,394 = 2,197 of the test photos: 6,591 / 16 = 412 steps; 20
# epochs = 8,240, half as many again as without them: compare with a run of 30 epochs. Score and time: not yet measured.
_base_ = "../rtmdet/rtmdet_tiny_cspnext-pafpn-640_20e_recycle.py"

train_sources = [dict(name="pseudo", ann_file="pseudo.json", weight=0.5)]
