# Seesaw loss for two-stage detectors: samples of frequent classes push the logits of rare ones down less, by how
# often each has been seen so far. The number of classes is set from the dataset.
# Wang et al., https://arxiv.org/abs/2008.10032.
recipe_equalized_loss = dict(each=dict(loss_cls=dict(_delete_=True, type="SeesawLoss", p=0.8, q=2.0)))
