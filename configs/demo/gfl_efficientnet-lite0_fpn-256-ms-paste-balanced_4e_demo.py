# The row above with each class drawn equally often. A row of the ablation in
# docs/recipes.md.
#
#     python tools/train.py configs/demo/gfl_efficientnet-lite0_fpn-256-ms-paste-balanced_4e_demo.py
#
# Steps as the demo's: 308.
_base_ = ["gfl_efficientnet-lite0_fpn-256-ms-paste_4e_demo.py", "../_base_/recipes/class_balanced.py"]
