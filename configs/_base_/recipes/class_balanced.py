# Each class is drawn equally often, whatever the share of its images: see docs/data.md for milder samplers.
#
# Images of a rare class come again and again, so that a class with few images may be learnt by heart: the log says
# how many distinct images were drawn.
recipe_class_balanced = dict(
    config=dict(train_dataloader=dict(sampler=dict(_delete_=True, type="ClassBalancedSampler"), batch_sampler=None))
)
