# Another photo, half transparent, over half of the photos; both keep their boxes.
# Zhang et al., https://arxiv.org/abs/1710.09412; for detectors, https://arxiv.org/abs/1902.04103.
#
# Beside mosaic, name mosaic first in _base_, as YOLOX and RTMDet do. The last epochs go without.
recipe_mixup = dict(
    mix=dict(type="OwnSizeMixUp", prob=0.5, ratio_range=(0.5, 1.0), max_cached_images=10),
    last_epochs_without=2,
)
