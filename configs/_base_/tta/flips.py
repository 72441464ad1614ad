# Views for `test.py --tta` and `predict.py --tta`: the photo and its mirror images, four in all. For photos taken from
# above, which have no up and no down.
tta = dict(flips=["horizontal", "vertical", "diagonal"])
