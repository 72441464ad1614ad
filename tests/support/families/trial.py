"""Build a shipped detector in tiny form, train it for one step, let it predict, and report the ops used."""

from __future__ import annotations

import copy
import logging
import warnings
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass
from typing import Any

import torch
from mmdet.registry import MODELS
from mmengine.config import Config
from mmengine.logging import MessageHub, MMLogger
from mmengine.registry import init_default_scope
from shrink import parts_of, shrink_model

import custom_modules.register_all  # noqa: F401  (with the workarounds for upstream's models)
from families.batch import make_batch, semi_supervised
from families.ops_used import OpsUsed, ops_used
from families.table import FAMILIES, ONE_PHOTO_A_TIME, OUT_OF_SCOPE, SHIPPED
from sortline.errors import InputError, Problem, nearest
from sortline.progress import track

SIZE_WH = (128, 96)
CLASS_KEYS = ("num_classes", "num_things_classes")


@dataclass(frozen=True)
class Trial:
    """The result for one config.

    Attributes:
        family: Folder of the config.
        config: Its name without folder and ending.
        ops: Ops that it called.
        gpu_ops: Ops that it calls on a GPU only; elsewhere plain torch is used.
        problem: Why it does not work; empty if it does.
    """

    family: str
    config: str
    ops: tuple[str, ...] = ()
    gpu_ops: tuple[str, ...] = ()
    problem: str = ""


def try_families(families: Sequence[str] | None = None) -> list[dict[str, Any]]:
    """Try every config of the table.

    Args:
        families: Try only these.

    Returns:
        A dict for each :class:`Trial`.

    Raises:
        InputError: A family isn't in the table.
    """
    problems = [
        Problem(f"--family {name}", OUT_OF_SCOPE.get(name, "no such family"), nearest(name, FAMILIES))
        for name in families or ()
        if name not in FAMILIES
    ]
    if problems:
        raise InputError(problems)
    configs = [(family, config) for family in families or FAMILIES for config in FAMILIES[family]]
    logger = MMLogger.get_current_instance()
    level = logger.level
    logger.setLevel(logging.WARNING)  # at INFO it tells how each of hundreds of weights was initialised
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            return [asdict(try_config(*config)) for config in track(configs, "trying families")]
    finally:
        logger.setLevel(level)


def try_config(family: str, config: str) -> Trial:
    """Build, train and predict; a failure is returned, not raised."""
    with ops_used() as used:
        try:
            train_and_predict(family, config)
            problem = ""
        except Exception as error:
            problem = f"{type(error).__name__}: {error}".splitlines()[0]
    return Trial(family, config, *_sorted(used), problem)


def _sorted(used: OpsUsed) -> tuple[tuple[str, ...], tuple[str, ...]]:
    return tuple(sorted(used.called)), tuple(sorted(used.on_gpu - used.called))


def train_and_predict(family: str, config: str) -> None:
    """Train a shipped detector, made tiny, for one step on two photos of noise and predict them.

    Raises:
        ValueError: Loss or gradients are not finite, no weight got a gradient, or a photo has no prediction.
    """
    init_default_scope("mmdet")
    # As a Runner does for heads that warm up.
    MessageHub.get_current_instance().update_info_dict(dict(epoch=0, iter=0, max_epochs=1, max_iters=1))
    torch.manual_seed(0)
    cfg = tiny_config(family, config)
    detector = MODELS.build(cfg.model)
    detector.init_weights()
    batch = _batch(cfg)
    _train_step(detector, semi_supervised(batch) if "semi_train_cfg" in cfg.model else batch)
    detector.eval()
    photos = 1 if family in ONE_PHOTO_A_TIME else len(batch["inputs"])
    with torch.no_grad():
        predictions = detector.test_step({key: values[:photos] for key, values in batch.items()})
    if len(predictions) != photos or not all("pred_instances" in one for one in predictions):
        raise ValueError("a photo has no prediction")


def tiny_config(family: str, config: str) -> Config:
    """Read a shipped config and make its detector tiny.

    The path of the teacher of knowledge distillation does not exist in the installed package, which has its configs
    in ``mmdet/.mim``. (mmdet/models/detectors/kd_one_stage.py, ``teacher_config``)
    """
    cfg = Config.fromfile(SHIPPED / family / f"{config}.py", import_custom_modules=False)
    teacher = cfg.model.pop("teacher_config", None)
    shrink_model(cfg)
    _keep_every_score(cfg._cfg_dict["model"])
    if teacher is not None:
        cfg.model.teacher_config = tiny_config(*teacher.removeprefix("configs/").removesuffix(".py").split("/"))
    return cfg


def _train_step(detector: Any, batch: dict[str, Any]) -> None:
    detector.train()
    data = detector.data_preprocessor(copy.deepcopy(batch), True)
    loss, _ = detector.parse_losses(detector(**data, mode="loss"))
    loss.backward()
    gradients = [weight.grad for weight in detector.parameters() if weight.grad is not None]
    if not gradients:
        raise ValueError("no weight got a gradient")
    if not torch.isfinite(loss) or not all(torch.isfinite(gradient).all() for gradient in gradients):
        raise ValueError("the loss or a gradient is not finite")


def _batch(cfg: Config) -> dict[str, Any]:
    """Make a batch with what the config's pipeline loads, in the size that its detector is built for."""
    values = list(_items(cfg._cfg_dict))
    sides = [value for key, value in values if key == "input_size" and isinstance(value, int)]
    size_wh = (sides[0], sides[0]) if sides else SIZE_WH
    classes = [value for key, value in _items(cfg._cfg_dict["model"]) if key in CLASS_KEYS]
    return make_batch(
        size_wh,
        min(classes, default=1),
        masks=("with_mask", True) in values,
        semantic=("with_seg", True) in values,
        proposals="roi_head" in cfg.model and "rpn_head" not in cfg.model,
    )


def _items(node: Any) -> Iterator[tuple[str, Any]]:
    """List key and value of every entry of a config, however deep."""
    if isinstance(node, list | tuple):
        for item in node:
            yield from _items(item)
    elif isinstance(node, dict):
        for key, value in node.items():
            yield key, value
            yield from _items(value)


def _keep_every_score(model: dict[str, Any]) -> None:
    """Set score thresholds to 0, so that an untrained detector has detections and the code after them runs too."""
    for part in parts_of(model):
        if "score_thr" in part:
            part["score_thr"] = 0.0
