# Automatic mixed precision in bfloat16: float32's range, so no loss scaling, with 8 bits of precision. Needs a GPU of
# 2020 or later, or any CPU; on a CPU without AMX or AVX-512 BF16 it is slower than float32.
# `--amp bf16` does the same to any config.
recipe_amp_bf16 = dict(config=dict(optim_wrapper=dict(type="BFloat16OptimWrapper")))
