# The row above with objects of rare classes pasted in for the first three of four epochs. A row of the ablation in
# docs/recipes.md.
#
#     python tools/train.py configs/demo/gfl_efficientnet-lite0_fpn-256-ms-paste_4e_demo.py
#
# Steps as the demo's: 308.
_base_ = ["gfl_efficientnet-lite0_fpn-256-ms_4e_demo.py", "../_base_/recipes/copy_paste.py"]

recipe_copy_paste = dict(last_epochs_without=1)
