"""Refuses checkpoints that do not fit, which mmengine loads partially with only a warning."""

from __future__ import annotations

from collections.abc import Mapping
from numbers import Integral
from typing import Any

from mmengine.hooks import Hook
from mmengine.registry import HOOKS
from mmengine.runner import BaseLoop, EpochBasedTrainLoop

from custom_modules.hooks.plain_model import plain_model
from custom_modules.hooks.training_state_hook import NAME as TRAINING_STATE
from sortline.errors import InputError, Problem
from sortline.weights.checkpoint_comparison import check_initial_weights, check_matches
from sortline.weights.checkpoint_loading import checkpoint_meta


@HOOKS.register_module()
class CheckpointGuardHook(Hook):
    """Checks every checkpoint that a runner loads, before its weights are copied into the model.

    For a test and for resuming, it must be of this model, trained for these classes in this order. A training may start
    from the checkpoint of another model and takes the weights that fit; a log line names the layers that start fresh.

    Raises:
        InputError: The checkpoint is of another architecture or for other classes, or has more epochs or iterations
        than
            the config trains for.
    """

    # Before hooks that use the checkpoint, such as EMAHook.
    priority = "VERY_HIGH"

    def after_load_checkpoint(self, runner: Any, checkpoint: dict[str, Any]) -> None:
        """Compare the checkpoint with the model and with the classes of the loop's dataset."""
        model = plain_model(runner)
        source = checkpoint.get("state_dict", checkpoint)
        where = runner._load_from or runner.work_dir
        meta = checkpoint_meta(checkpoint, where)
        missing = [key for key in ("meta", "message_hub", "optimizer") if key not in checkpoint]
        if runner._resume and missing:
            what = f"holds weights but not the state of a run ({', '.join(missing)} missing): it can't be resumed"
            raise InputError(Problem(str(where), what, "start from it instead: --cfg-options load_from=PATH"))
        if runner._resume:
            _check_state(str(where), checkpoint, meta)
            _check_length(runner, str(where), meta)
        # The runner builds only the loops that it will run; the others are still configs.
        training = isinstance(runner._train_loop, BaseLoop)
        if training and not runner._resume:
            runner.logger.info(check_initial_weights(model.state_dict(), source, where, meta))
            return
        loops = (runner._train_loop, runner._val_loop, runner._test_loop)
        dataset = next((loop.dataloader.dataset for loop in loops if isinstance(loop, BaseLoop)), None)
        classes = getattr(dataset, "metainfo", {}).get("classes")
        check_matches(model.state_dict(), source, where, classes, meta)


def _check_state(where: str, checkpoint: dict[str, Any], meta: Mapping[str, Any]) -> None:
    """Refuse the state of a run that is of other types than training writes: mmengine would fail on it."""
    hub = checkpoint["message_hub"] if isinstance(checkpoint["message_hub"], dict) else {}
    parts = [hub.get(part) for part in ("log_scalars", "runtime_info", "resumed_keys")]
    sound = {
        "message_hub": all(isinstance(part, dict) and all(isinstance(key, str) for key in part) for part in parts),
        "optimizer": isinstance(checkpoint["optimizer"], dict),
        TRAINING_STATE: isinstance(checkpoint.get(TRAINING_STATE, {}), dict),
        **{f"meta.{unit}": _is_count(meta.get(unit)) for unit in ("epoch", "iter")},
        "meta.seed": meta.get("seed") is None or _is_count(meta["seed"]),
    }
    if odd := [name for name, is_sound in sound.items() if not is_sound]:
        what = f"can't be resumed: it holds something else than training writes under {', '.join(odd)}"
        raise InputError(Problem(where, what, "resume from a checkpoint that training has written"))


def _is_count(value: Any) -> bool:
    return isinstance(value, Integral) and int(value) >= 0


def _check_length(runner: Any, where: str, meta: Mapping[str, Any]) -> None:
    """Refuse to resume a run that is already longer than the config's training: its record would be wrong."""
    by_epoch = isinstance(runner._train_loop, EpochBasedTrainLoop)
    unit, end = ("epoch", runner.max_epochs) if by_epoch else ("iter", runner.max_iters)
    if meta.get(unit, 0) > end:
        what = f"has completed {meta[unit]:,} {unit}s, and the config trains for {end:,}"
        remedy = f"raise train_cfg.max_{unit}s, resume from an earlier checkpoint, or train in another --work-dir"
        raise InputError(Problem(where, what, remedy))
