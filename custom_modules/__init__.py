"""What plugs into MMDetection: datasets, transforms, hooks, models, operators. The library behind it is sortline."""

import os

from custom_modules.ops.finder import install

# mmdet imports albumentations if it is installed, which then asks the network for a newer release at every start.
os.environ.setdefault("NO_ALBUMENTATIONS_UPDATE", "1")

# Here, so that mmcv.ops works in every process that imports this package, data-loader workers included.
install()
