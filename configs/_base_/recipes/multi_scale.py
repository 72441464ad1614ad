# Each photo at a random size: objects are learnt at more sizes than the data shows them at.
#
# 640 to 1280 pixels around the contest's 1024: 0.6 to 1.25 times, in steps of 64. A step at 1280 takes
# (1280 / 1024)^2 = 1.6 times the memory. For another size write, say for 640:
#     recipe_multi_scale = dict(resize=dict(scales=[(side, side) for side in range(384, 801, 32)]))
recipe_multi_scale = dict(
    resize=dict(type="RandomChoiceResize", scales=[(side, side) for side in range(640, 1281, 64)], keep_ratio=True)
)
