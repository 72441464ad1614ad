"""Choosing an ensemble: members, weights and settings of the highest mAP50, and what to expect of them elsewhere."""

#: Most ensembles that one search tries, and into how many groups images are dealt out where there are no folds.
BUDGET = 300
GROUPS = 5
