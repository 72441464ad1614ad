# RTMDet-tiny with the test photos as a second source and doubt kept: a box is there as often as it is likely to be
# right, and what the detector was unsure of is painted grey, so that it is neither object nor background.
#
#     python tools/make_pseudo_labels.py --ann data/recycle/test.json --pred ensemble.bbox.json \
#         --train data/recycle/train.json --precision 0.7 --oof oof.bbox.json --oof-ann data/recycle/train.json \
#         --soft-weights --ignore-thr 0.2 --out data/recycle/pseudo.json
#     python tools/train.py configs/pseudo/rtmdet_tiny_cspnext-pafpn-640-soft-pseudo_20e_recycle.py
#
# Steps as without the doubt: 20 x 412 = 8,240. Score and time: not yet measured.
_base_ = "rtmdet_tiny_cspnext-pafpn-640-pseudo_20e_recycle.py"

# Between reading the photo and reading its boxes.
train_pipeline = [
    _base_.train_pipeline[0],
    dict(type="SampleBoxesByWeight"),
    dict(type="CoverIgnoredBoxes"),
    *_base_.train_pipeline[1:],
]
train_pipeline_stage2 = [*train_pipeline[:3], *_base_.train_pipeline_stage2[1:]]
