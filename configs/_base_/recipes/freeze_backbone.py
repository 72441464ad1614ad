# Freeze the pretrained backbone for the first two epochs, while neck and heads find their feet; then train it all.
#
# `hook.epochs`: how long; `hook.modules`: what, such as ["backbone", "neck"]. A backbone's own `frozen_stages`
# freezes its first layers for good. On several GPUs set find_unused_parameters=True.
recipe_freeze_backbone = dict(hook=dict(type="FreezeHook", modules=["backbone"], epochs=2))
