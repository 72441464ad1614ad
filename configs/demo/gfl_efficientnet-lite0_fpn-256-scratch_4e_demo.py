# The demo's detector from random weights: what the pretrained backbone is worth. First row of the ablation in
# docs/recipes.md.
#
#     python tools/train.py configs/demo/gfl_efficientnet-lite0_fpn-256-scratch_4e_demo.py
#
# Steps as the demo's: 308. All layers learn, so that a step costs about half as much again.
_base_ = "gfl_efficientnet-lite0_fpn-256_4e_demo.py"

model = dict(backbone=dict(pretrained=False, frozen_stages=-1))
