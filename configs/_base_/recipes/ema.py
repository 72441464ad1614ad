# Validate, test and save an exponential moving average of the weights.
#
# After t steps the newest weights enter with max(0.0002, 10 / (10 + t)): the average spans about the last tenth of
# the steps so far (t / 10), and never more than 1 / 0.0002 = 5,000. So it fits a run of 300 steps as well as one of
# 50,000. mmdet's usual ExpMomentumEMA enters them with 0.0002 + exp(-t / 2,000): after 308 steps still with 0.86,
# which averages nothing.
recipe_ema = dict(
    hook=dict(
        type="EMAHook", ema_type="MomentumAnnealingEMA", momentum=0.0002, gamma=10, update_buffers=True, priority=49
    )
)
