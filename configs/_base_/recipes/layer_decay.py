# Layer-wise learning-rate decay: each layer of the backbone learns at 0.8 of the rate of the next, the heads at the
# full one. A pretrained transformer's first layers hold the most general features and need the least change.
#
# `layer_decay`: 0.65 to 0.8 for plain vision transformers of many blocks, 0.8 to 0.9 for Swin and ConvNeXt; 1 turns
# it off. For TimmBackbone, and mmdet's ResNet, Swin, PVT, CSPNeXt and CSPDarknet. Norms and biases go without
# weight decay.
recipe_layer_decay = dict(
    config=dict(
        optim_wrapper=dict(
            constructor="LayerwiseOptimWrapperConstructor",
            paramwise_cfg=dict(layer_decay=0.8, norm_decay_mult=0, bias_decay_mult=0, flat_decay_mult=0),
        )
    )
)
