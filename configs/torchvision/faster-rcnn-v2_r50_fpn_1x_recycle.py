# torchvision's baseline, better than the one that contests hand out (fasterrcnn_resnet50_fpn): the same folders,
# metrics and submission as every other detector here, so that the two can be compared and fused.
#
#     python tools/train.py configs/torchvision/faster-rcnn-v2_r50_fpn_1x_recycle.py
#
# Starts from COCO (46.7 box AP there, by torchvision's account); the box predictor starts fresh for ten classes.
# Steps: 4,394 / 4 = 1,099 an epoch, 13,188 in all. Score and time: not yet measured.
_base_ = [
    "../_base_/default_runtime.py",
    "../_base_/datasets/recycle.py",
    "../_base_/models/faster-rcnn-v2_r50_torchvision.py",
    "../_base_/schedules/1x.py",
]

optim_wrapper = dict(optimizer=dict(lr=0.02 * 4 / 16))  # 4 photos a step, the schedule is for 16
auto_scale_lr = dict(base_batch_size=4)
