# YOLOX-l at 640: the small one's training with six times its parameters.
#
#     python tools/train.py configs/yolox/yolox_l_pafpn-640_20e_recycle.py
#
# Steps: 4,394 / 8 = 550 an epoch, 11,000 in all. Score and time: not yet measured.
_base_ = "yolox_s_pafpn-640_20e_recycle.py"

model = dict(
    backbone=dict(deepen_factor=1.0, widen_factor=1.0),
    neck=dict(in_channels=[256, 512, 1024], out_channels=256, num_csp_blocks=3),
    bbox_head=dict(in_channels=256, feat_channels=256),
)
train_dataloader = dict(batch_size=8)
optim_wrapper = dict(optimizer=dict(lr=0.01 * 8 / 64))  # YOLOX: 0.01 for 64 photos
auto_scale_lr = dict(base_batch_size=8)
