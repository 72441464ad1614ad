# Automatic mixed precision in float16 with loss scaling: half the memory for activations and, on a GPU with tensor
# cores, faster steps. Needs a GPU. `--amp` does the same to any config.
# Micikevicius et al., https://arxiv.org/abs/1710.03740.
recipe_amp = dict(config=dict(optim_wrapper=dict(type="AmpOptimWrapper", dtype="float16", loss_scale="dynamic")))
