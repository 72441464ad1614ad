# Track in TensorBoard as well, in the run folder's tensorboard/. Needs the packages of requirements/tracking.txt.
recipe_tensorboard = dict(vis_backend=dict(type="SortlineTensorboardBackend"))
