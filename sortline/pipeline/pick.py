"""Take single variables out of a complete config."""

from __future__ import annotations

from typing import Any

from mmengine.config import Config


def pick(config: str, key: str) -> Any:
    """Return one top-level variable of a config that is installed with a package.

    Most of mmdet's configs are whole experiments: used as a ``_base_`` beside a dataset and a schedule they
    collide, since mmengine forbids sibling bases that define the same key. A model base needs only their
    ``model``.

    Args:
        config: ``package::path`` as in ``_base_``, such as ``"mmdet::dino/dino-4scale_r50_8xb2-12e_coco.py"``.
        key: The variable wanted.

    Raises:
        KeyError: The config has no such variable.
    """
    return Config.fromfile(installed_config_path(config), import_custom_modules=False)._cfg_dict.to_dict()[key]


def installed_config_path(config: str) -> str:
    """Return the file behind a ``package::path`` config name."""
    path, _ = Config._get_cfg_path(config, "")
    return str(path)
