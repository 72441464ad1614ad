# Gradients longer than 35 are shortened to it (the norm over all weights): a rare bad batch can't ruin the weights.
# 35 is mmdet's usual bound for detectors with convolutions; transformers are trained with 0.1.
# Pascanu et al., https://arxiv.org/abs/1211.5063.
recipe_grad_clip = dict(config=dict(optim_wrapper=dict(clip_grad=dict(max_norm=35, norm_type=2))))
