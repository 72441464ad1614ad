# Label smoothing: a tenth of each label's probability is spread over all classes, against labels that are sure and
# wrong. Not for heads whose targets are IoUs (GFL, RTMDet, TOOD, VFNet): they are soft already.
# Szegedy et al., https://arxiv.org/abs/1512.00567.
recipe_label_smoothing = dict(each=dict(loss_cls=dict(type="FocalCrossEntropyLoss", smoothing=0.1)))
