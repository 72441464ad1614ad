# A random part of each photo, half to all of each side: objects in other places and with less around them.
#
# An object is either outside or shows at least 0.6 of its box; no sliver is labelled and none is left without a label.
# It follows the resize: objects keep their size, and a cropped picture has 0.75^2 = 0.56 of the pixels on average.
recipe_random_crop = dict(crop=dict(type="CropKeepingObjects", side_range=(0.5, 1.0), min_visible=0.6, prob=0.5))
