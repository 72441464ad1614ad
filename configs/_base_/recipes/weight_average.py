# Validate, test and save the plain average of the weights of the run's last quarter (stochastic weight averaging);
# best with a schedule that keeps its rate up there. Tools that average finished checkpoints need no training.
# Izmailov et al., https://arxiv.org/abs/1803.05407.
recipe_weight_average = dict(hook=dict(type="TailAverageHook", begin=0.75))
