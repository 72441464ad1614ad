# Rare classes count more in the classification loss. The weights are computed from the boxes of the training file
# when a run starts (the fold's own part), and logged. Rules: "inverse", "inverse_sqrt", "effective_number".
# Cui et al., https://arxiv.org/abs/1901.05555.
recipe_class_weights = dict(config=dict(class_weights=dict(rule="inverse_sqrt")))
