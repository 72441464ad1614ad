# Equalization loss v2 for two-stage detectors: a sigmoid for each class, whose positive and negative gradients are
# balanced by what has come in so far. The number of classes is set from the dataset.
# Tan et al., https://arxiv.org/abs/2012.08548.
recipe_eqlv2_loss = dict(each=dict(loss_cls=dict(_delete_=True, type="EQLV2BoxLoss", gamma=12, mu=0.8, alpha=4.0)))
