"""Importing this module registers all of Sortline with MMDetection: the one import of default_runtime.py."""

import contextlib
import io
import warnings

# At every start mmdet reports each optional package that is not installed, on stdout and as warnings.
with contextlib.redirect_stdout(io.StringIO()), warnings.catch_warnings():
    warnings.simplefilter("ignore")
    from mmdet.utils import register_all_modules

    import custom_modules.datasets
    import custom_modules.hooks
    import custom_modules.loops
    import custom_modules.metrics
    import custom_modules.models
    import custom_modules.optim
    import custom_modules.samplers
    import custom_modules.transforms
    import custom_modules.visualization  # noqa: F401

    register_all_modules(init_default_scope=False)
