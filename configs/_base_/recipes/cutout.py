# One to four grey squares of up to a fifth of the sides: objects are recognised by more than one part.
# DeVries and Taylor, https://arxiv.org/abs/1708.04552; Zhong et al., https://arxiv.org/abs/1708.04896.
#
# An object of which 0.7 is hidden loses its box; with mmdet's CutOut it would keep it.
recipe_cutout = dict(
    erase=dict(type="RandomErasing", n_patches=(1, 4), ratio=(0.05, 0.2), bbox_erased_thr=0.7, img_border_value=114)
)
