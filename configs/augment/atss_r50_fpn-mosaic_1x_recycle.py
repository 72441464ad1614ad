# ATSS with half of the samples a mosaic of four photos, but for the last two epochs: small objects and new neighbours.
#
#     python tools/train.py configs/augment/atss_r50_fpn-mosaic_1x_recycle.py
#
# Epoch: 4,394 / 4 = 1,099 steps; 12 epochs = 13,188. Rate: 0.01 x 4 / 16 = 0.0025. Each of the four
# workers keeps 20 photos: 20 x 3 MiB x 4 = 240 MiB. Score and time: not yet measured.
_base_ = [
    "../atss/atss_r50_fpn_1x_recycle.py",
    "../_base_/recipes/mosaic.py",
]
