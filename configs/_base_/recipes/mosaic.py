# Four photos in one, at 0.5 to 1 times their size: many small objects, and neighbours that no photo has.
# Bochkovskiy et al., YOLOv4, https://arxiv.org/abs/2004.10934.
#
# A picture keeps the size of its photo, so that this fits any pipeline. The last epochs go without: their photos look
# as those of the test do (Ge et al., YOLOX, https://arxiv.org/abs/2107.08430).
recipe_mosaic = dict(
    mix=dict(type="OwnSizeMosaic", prob=0.5, ratio_range=(0.5, 1.0), max_cached_images=20),
    last_epochs_without=2,
)
