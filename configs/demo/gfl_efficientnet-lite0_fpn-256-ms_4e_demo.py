# The demo's detector with photos at 192 to 320 px in place of 256. A row of the ablation in
# docs/recipes.md.
#
#     python tools/train.py configs/demo/gfl_efficientnet-lite0_fpn-256-ms_4e_demo.py
#
# Steps as the demo's: 308; one costs up to (320 / 256)^2 = 1.6 times as much.
_base_ = ["gfl_efficientnet-lite0_fpn-256_4e_demo.py", "../_base_/recipes/multi_scale.py"]

recipe_multi_scale = dict(resize=dict(scales=[(side, side) for side in range(192, 321, 32)]))
