# Discriminative learning rates: the pretrained backbone learns at a tenth of the rate of neck and heads, which start
# from random weights.
#
# `part_lr` takes any part of the model by the beginning of its parameters' names: dict(backbone=0.1, neck=0.5).
recipe_backbone_lr = dict(
    config=dict(
        optim_wrapper=dict(
            constructor="LayerwiseOptimWrapperConstructor",
            paramwise_cfg=dict(part_lr=dict(backbone=0.1)),
        )
    )
)
