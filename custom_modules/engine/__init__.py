"""Running a prepared config with mmengine: training, testing, predicting, repeating a run."""
