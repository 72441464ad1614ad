# Views for `test.py --tta` and `predict.py --tta`: three sizes around the config's own, each with its mirror image, six
# in all.
tta = dict(scales=[0.8, 1.0, 1.2], flips=["horizontal"])
