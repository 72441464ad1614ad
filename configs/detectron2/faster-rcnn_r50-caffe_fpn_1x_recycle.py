# Detectron2's baseline: the same detector, for weights trained there or to train here from where it starts.
#
#     python tools/train.py configs/detectron2/faster-rcnn_r50-caffe_fpn_1x_recycle.py
#
# Weights of a Detectron2 training are tested without training again: tools/import_weights.py, then tools/test.py.
# For R_101 add --cfg-options model.backbone.depth=101 to each.
# Steps: 4,394 / 4 = 1,099 an epoch, 13,188 in all. Score and time: not yet measured.
_base_ = [
    "../_base_/default_runtime.py",
    "../_base_/datasets/recycle.py",
    "../_base_/models/faster-rcnn_r50-caffe_fpn.py",
    "../_base_/schedules/1x.py",
]

optim_wrapper = dict(optimizer=dict(lr=0.02 * 4 / 16))  # 4 photos a step, the schedule is for 16
auto_scale_lr = dict(base_batch_size=4)
