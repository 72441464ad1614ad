# Localization distillation: GFL with ResNet-18 learns from one with ResNet-50 where the edges of a box are unsure, as a
# distribution, beside its own labels. Zheng et al., https://arxiv.org/abs/2102.12252.
#
# `teacher_from` of an experiment names the teacher's run: its weights, and its model in place of the one here, which
# serves where there are no weights, as in a smoke run. The teacher is not part of the checkpoint.
_base_ = []
from sortline.pipeline.pick import pick

model = pick("mmdet::ld/ld_r18-gflv1-r101_fpn_1x_coco.py", "model")
model.update(teacher_config=dict(model=pick("mmdet::gfl/gfl_r50_fpn_1x_coco.py", "model")), teacher_ckpt=None)
model["teacher_config"]["model"]["backbone"]["init_cfg"] = None
