# Focal loss in place of cross-entropy, softmax heads of two-stage detectors included: samples that are classified
# well count little, so that the hard ones decide. One-stage detectors have it from the start.
# Lin et al., https://arxiv.org/abs/1708.02002.
recipe_focal_loss = dict(each=dict(loss_cls=dict(type="FocalCrossEntropyLoss", gamma=2.0)))
