# A step of the optimiser after every 4 batches, with their mean gradient: the batch that a detector was tuned for on
# a GPU that holds a quarter of it. The learning rate belongs to the whole: 4 photos x 4 = 16. `--auto-scale-lr`
# counts it so. Batch normalisation still sees 4 photos.
recipe_grad_accumulation = dict(config=dict(optim_wrapper=dict(accumulative_counts=4)))
