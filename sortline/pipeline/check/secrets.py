"""Refusing passwords and the like in a config, before they are copied to where others read them."""

from __future__ import annotations

from mmengine.config import Config

from sortline.errors import Problem
from sortline.nested import flatten
from sortline.secrets import HIDDEN, without_secrets


def check_secrets(cfg: Config) -> list[Problem]:
    """Report every value that looks like a secret.

    mmengine copies the config into the run folder and into every checkpoint, and trackers get it as well.
    """
    what = "holds a password or the like, which every checkpoint, log and run folder would carry on"
    remedy = "take it out; programs read theirs from the environment: WANDB_API_KEY, MLFLOW_TRACKING_PASSWORD, HF_TOKEN"
    leaves = flatten(cfg._cfg_dict.to_dict()).items()
    found = [key for key, value in leaves if HIDDEN in str(without_secrets(value, key.rpartition(".")[2]))]
    return [Problem(key, what, remedy) for key in found]
