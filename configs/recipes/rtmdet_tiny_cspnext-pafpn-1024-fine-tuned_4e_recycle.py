# Second stage of two: RTMDet-tiny trained at 640 goes on at 1024, the photos' own size, for 4 epochs at a tenth of the
# rate, with flips as the only augmentation. Most of the training is done where a step costs 640^2 / 1024^2 = 0.39 of
# what it costs here; small objects gain from the rest.
#
#     python tools/train.py configs/rtmdet/rtmdet_tiny_cspnext-pafpn-640_20e_recycle.py
#     python tools/train.py configs/recipes/rtmdet_tiny_cspnext-pafpn-1024-fine-tuned_4e_recycle.py
#
# It starts from the first run's best checkpoint; with --fold 2 from that of its fold 2, so nothing leaks.
# Epoch: 4,394 / 4 = 1,099 steps; 4 epochs = 4,396. Rate: 0.00005 x 4 / 16. Score and time: not run yet.
_base_ = [
    "../_base_/default_runtime.py",
    "../_base_/datasets/recycle.py",
    "../_base_/models/rtmdet_tiny.py",
    "../_base_/schedules/4e_fine_tune.py",
    "../_base_/recipes/ema.py",
]

# Photos of any shape: the mosaic of the first stage gave squares of 640.
model = dict(data_preprocessor=dict(pad_size_divisor=32))
start_from = "rtmdet_tiny_cspnext-pafpn-640_20e_recycle"
optim_wrapper = dict(optimizer=dict(lr=0.00005 * 4 / 16))
auto_scale_lr = dict(base_batch_size=4)
