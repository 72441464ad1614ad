# A small detector taught by a larger one of its kind: GFL with ResNet-18 learns from a GFL with ResNet-50 trained on
# the same images. For deployment, where ResNet-50 is too slow; the student costs no more at test time.
#
#     python tools/train.py configs/gfl/gfl_r50_fpn_1x_recycle.py
#     python tools/train.py configs/recipes/gfl_r18_fpn-distilled_1x_recycle.py
#
# With --fold 2 the teacher is that of fold 2: it has not seen the photos that the student validates on.
# Steps: 4,394 / 4 = 1,099 an epoch, 12 epochs = 13,188 of 4 photos. Score and time: not run yet.
_base_ = [
    "../_base_/default_runtime.py",
    "../_base_/datasets/recycle.py",
    "../_base_/models/ld_r18_gfl-r50_fpn.py",
    "../_base_/schedules/1x.py",
]

teacher_from = "gfl_r50_fpn_1x_recycle"
optim_wrapper = dict(optimizer=dict(lr=0.01 * 4 / 16))
auto_scale_lr = dict(base_batch_size=4)
