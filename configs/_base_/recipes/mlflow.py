# Track in MLflow as well: on the server that MLFLOW_TRACKING_URI names, else in work_dirs/mlflow.db. Needs the packages
# of requirements/tracking.txt.
recipe_mlflow = dict(vis_backend=dict(type="SortlineMLflowBackend"))
