"""Checkpoints that stay complete after a kill or on a full disk."""

from __future__ import annotations

import hashlib
import pickle
from collections import deque
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from mmengine.dist import is_main_process, master_only
from mmengine.hooks import CheckpointHook
from mmengine.registry import HOOKS
from mmengine.runner.checkpoint import _load_checkpoint, save_checkpoint

from custom_modules.hooks.atomic_backend import NAME
from sortline.errors import InputError, Problem, counted, nearest
from sortline.files import atomic_link, atomic_write, remove_half_written
from sortline.pipeline.bind import reported_names
from sortline.pipeline.check.training import refuse_arguments
from sortline.runs.checkpoints import (
    BEST,
    EARLIER,
    KEPT,
    LAST,
    OUTDATED,
    STEPS,
    STOPPED,
    keep_best,
    recall_names,
    set_aside,
)
from sortline.runs.named_score import BEST_METRIC, BEST_SCORE, rule_of
from sortline.runs.run_folder import RECORD


@HOOKS.register_module()
class AtomicCheckpointHook(CheckpointHook):
    """mmengine's checkpoint hook, which leaves no partial file and removes no checkpoint before a new one is complete.

    mmengine writes checkpoints and ``last_checkpoint`` straight to their final names, and deletes the oldest and
    the previous best before it writes the new one
    (https://github.com/open-mmlab/mmengine/blob/main/mmengine/hooks/checkpoint_hook.py). Here every file is
    written beside its name, flushed and renamed, and old checkpoints go when the new one is complete and
    ``last_checkpoint`` names it. For a moment there is one checkpoint more on the disk than ``max_keep_ckpts``.

    Every checkpoint can be resumed from, the best ones too, which mmengine saves without the optimiser. On a disk
    with hard links a best checkpoint and the regular one of its epoch are one file. ``best_checkpoint`` names the
    best one. mmengine knows by their names whether some metrics rise or fall; here all rise but losses, unless ``rule``
    says otherwise.

    Args:
        out_dir: Root of the checkpoints; ``runner.work_dir`` by default.
        file_client_args: mmengine's older name of ``backend_args``.
        backend_args: How checkpoints are stored; atomically, where they lie on the local disk.
        keep_best: How many checkpoints to keep of those with the best scores, for each metric of ``save_best``.
        **kwargs: As for mmengine's :class:`CheckpointHook`.

    Raises:
        OSError: A checkpoint can't be written, as on a full disk; the previous ones are untouched.
        InputError: ``save_best`` names a metric that the evaluators don't report.
    """

    # After all hooks whose state goes into a checkpoint, including early stopping; before LOWEST, the priority of hooks
    # that read what was saved.
    priority = 99
    best_ckpt_path: str | None

    def __init__(
        self,
        *,
        out_dir: str | Path | None = None,
        file_client_args: dict[str, Any] | None = None,
        backend_args: dict[str, Any] | None = None,
        keep_best: int = 1,
        **kwargs: Any,
    ) -> None:
        refuse_arguments("AtomicCheckpointHook", keep_best=keep_best)
        is_local = file_client_args is None and "://" not in str(out_dir)
        if backend_args is None and is_local:
            backend_args = {"backend": NAME}
        best = kwargs.get("save_best")
        if best not in (None, "auto") and kwargs.keys().isdisjoint(("rule", "greater_keys", "less_keys")):
            kwargs["rule"] = [rule_of(name) for name in ([best] if isinstance(best, str) else best)]
        super().__init__(out_dir=out_dir, file_client_args=file_client_args, backend_args=backend_args, **kwargs)
        self.keep_best = keep_best
        #: Iterations behind the regular checkpoint that was saved last.
        self.saved_iter: int | None = None

    def after_load_checkpoint(self, runner: Any, checkpoint: dict[str, Any]) -> None:
        """Forget what a checkpoint to resume from names beside checkpoints: it may come from anybody."""
        if not runner._resume:
            return
        info = checkpoint["message_hub"]["runtime_info"]
        recalled, left_out = recall_names(info, self.filename_tmpl)
        for key, value in recalled.items():
            info[key] = value
            if value is None:
                del info[key]
        if left_out:
            runner.logger.warning(f"the checkpoint names what no training writes, left out: {counted(left_out)}")

    def before_train(self, runner: Any) -> None:
        """Prepare as mmengine does; remove what a killed run was writing or about to remove; set aside others."""
        super().before_train(runner)
        if not runner._resume and is_main_process() and (names := set_aside(runner.work_dir)):
            place = Path(runner.work_dir, EARLIER)
            runner.logger.warning(f"the folder held an earlier run, whose {counted(names)} are now in {place}")
        self._point_at_own(runner)
        self._remove_outdated(runner)
        regular = Path(self.out_dir, self.filename_tmpl.format(runner.epoch if self.by_epoch else runner.iter))
        self.saved_iter = runner.iter if runner._resume and regular.is_file() else None
        if is_main_process():
            remove_half_written(self.out_dir, "*.pth")
            remove_half_written(runner.work_dir, LAST, BEST, RECORD)

    def _point_at_own(self, runner: Any) -> None:
        """Look for checkpoints in this run's own folder: after a copy, the original's are not ours to remove."""
        hub = runner.message_hub
        for name in [key for key in hub.runtime_info if key.startswith(("best_ckpt", "last_ckpt"))]:
            hub.update_info(name, self._own(hub.get_info(name)))
        if best := getattr(self, "best_ckpt_path", None):
            self.best_ckpt_path = self._own(best)
        for key, path in getattr(self, "best_ckpt_path_dict", {}).items():
            self.best_ckpt_path_dict[key] = path and self._own(path)

    def _own(self, path: str) -> str:
        return str(self.file_backend.join_path(self.out_dir, Path(path).name))

    def _save_checkpoint_with_step(self, runner: Any, step: int, meta: dict[str, Any]) -> None:
        """Save, then name the new checkpoint as the last one, then remove what is outdated."""
        steps = self._announce(runner, step)
        filename = self.filename_tmpl.format(step)
        self.last_ckpt = self.file_backend.join_path(self.out_dir, filename)
        runner.message_hub.update_info("last_ckpt", self.last_ckpt)
        self._write(runner, filename, meta)
        self.saved_iter = meta["iter"]
        self._name(runner, LAST, self.last_ckpt)
        if is_main_process():
            self._remove(STOPPED)
        self._retire(runner, steps)

    def _write(self, runner: Any, filename: str, meta: dict[str, Any]) -> None:
        runner.save_checkpoint(
            self.out_dir,
            filename,
            self.file_client_args,
            save_optimizer=self.save_optimizer,
            save_param_scheduler=self.save_param_scheduler,
            meta=dict(meta),
            by_epoch=self.by_epoch,
            backend_args=self.backend_args,
            **self.args,
        )

    def _name(self, runner: Any, which: str, path: str) -> None:
        if is_main_process():
            with atomic_write(Path(runner.work_dir, which)) as file:
                file.write(path)

    def _remove(self, name: str) -> None:
        path = self.file_backend.join_path(self.out_dir, name)
        if self.file_backend.isfile(path):
            self.file_backend.remove(path)
        elif self.file_backend.isdir(path):  # as which deepspeed keeps a checkpoint
            self.file_backend.rmtree(path)

    def _announce(self, runner: Any, step: int) -> list[int]:
        """Put the steps kept, the new one and the outdated one included, where the checkpoint will hold them.

        Should the run die before the outdated checkpoint is removed, mmengine finds it in the list on resuming
        and removes it then.
        """
        if self.max_keep_ckpts <= 0:
            return []
        steps = list(self.keep_ckpt_ids)
        # A new best score saves the same epoch again.
        if step not in steps:
            steps.append(step)
        runner.message_hub.update_info(STEPS, steps)
        return steps

    def _retire(self, runner: Any, steps: Sequence[int]) -> None:
        """Remove all but the newest ``max_keep_ckpts`` checkpoints."""
        if self.max_keep_ckpts <= 0:
            return
        self.keep_ckpt_ids = deque(steps, self.max_keep_ckpts)
        runner.message_hub.update_info(STEPS, list(self.keep_ckpt_ids))
        for step in steps[: -self.max_keep_ckpts] if is_main_process() else ():
            self._remove(self.filename_tmpl.format(step))

    def save_stopped(self, runner: Any, iterations: int) -> None:
        """Save a checkpoint in the midst of an epoch, which the next regular one replaces.

        Args:
            runner: The runner.
            iterations: How many are done.
        """
        meta = {"epoch": runner.epoch, "iter": iterations}
        self._write(runner, STOPPED, meta)
        self._name(runner, LAST, str(self.file_backend.join_path(self.out_dir, STOPPED)))

    def _save_best_checkpoint(self, runner: Any, metrics: dict[str, float]) -> None:
        """Save a checkpoint that is among the best, whole, and remove those that no longer are.

        mmengine's has no optimiser in it, so that nothing can be resumed from it, and it keeps one. The regular
        checkpoint of the same moment becomes the same file once more: it was saved before the validation.
        """
        if not self.save_best:
            return
        if not self._reports_what_decides(runner, metrics):
            return
        if "auto" in self.key_indicators:
            first = next(iter(metrics))
            self._init_rule([self.rules[0] or rule_of(first)], [first])
        regular = self.filename_tmpl.format(runner.epoch if self.by_epoch else runner.iter)
        outdated: list[str] = []
        written: list[str] = []
        for metric, rule in zip(self.key_indicators, self.rules, strict=True):
            name = f"best_{metric}_{regular}".replace("/", "_")
            new = (float(metrics[metric]), name)
            kept, dropped = keep_best(self._kept(runner, metric), new, self.keep_best, higher=rule == "greater")
            outdated += dropped
            if new in kept:
                written.append(name)
                self._announce_best(runner, metric, kept)
        if written:
            runner.message_hub.update_info(OUTDATED, outdated)
            self._write_best(runner, written, regular)
            self._remove_outdated(runner)

    def _remove_outdated(self, runner: Any) -> None:
        """Remove what is no longer among the best; after a kill in between, the resumed run does so."""
        for name in runner.message_hub.runtime_info.get(OUTDATED, ()) if is_main_process() else ():
            self._remove(name)

    def _kept(self, runner: Any, metric: str) -> list[tuple[float, str]]:
        """Return score and file of the best checkpoints so far, best first."""
        hub = runner.message_hub.runtime_info
        if f"{KEPT}_{metric}" in hub:
            return [(score, name) for score, name in hub[f"{KEPT}_{metric}"]]
        suffix = self._suffix(metric)
        of_others = hub.get(BEST_METRIC, metric) != metric or any(key.startswith(f"{KEPT}_") for key in hub)
        if not suffix and of_others:  # before the run was resumed, another metric decided
            return []
        score, path = (hub.get(f"{key}{suffix}") for key in (BEST_SCORE, "best_ckpt"))
        return [(float(score), Path(path).name)] if path else []

    def _suffix(self, metric: str) -> str:
        """Return what mmengine adds to the names of what it keeps of a metric: nothing where there is one only."""
        return f"_{metric}" if len(self.key_indicators) > 1 else ""

    def _announce_best(self, runner: Any, metric: str, kept: Sequence[tuple[float, str]]) -> None:
        """Put the best checkpoints where the one to be saved will hold them."""
        score, name = kept[0]
        path = str(self.file_backend.join_path(self.out_dir, name))
        hub = runner.message_hub
        hub.update_info(f"{KEPT}_{metric}", [list(entry) for entry in kept])
        hub.update_info(f"{BEST_SCORE}{self._suffix(metric)}", score)
        hub.update_info(f"best_ckpt{self._suffix(metric)}", path)
        if metric == self.key_indicators[0]:  # the one that decides, also where several are watched
            for key, value in ((BEST_SCORE, score), (BEST_METRIC, metric), ("best_ckpt", path)):
                hub.update_info(key, value)
        if self._suffix(metric):
            self.best_ckpt_path_dict[metric] = path
        else:
            self.best_ckpt_path = path

    def _write_best(self, runner: Any, names: Sequence[str], regular: str) -> None:
        """Write the first checkpoint; the others of this moment, the regular one included, are equal to it."""
        self._write(runner, names[0], {"epoch": runner.epoch, "iter": runner.iter})
        others = [*names[1:], *([regular] if self.saved_iter == runner.iter else [])]
        for name in others:
            if self.backend_args != {"backend": NAME}:
                self._write(runner, name, {"epoch": runner.epoch, "iter": runner.iter})
            elif is_main_process():
                atomic_link(Path(self.out_dir, names[0]), Path(self.out_dir, name))
        self._name(runner, BEST, runner.message_hub.get_info(f"best_ckpt{self._suffix(self.key_indicators[0])}"))
        runner.logger.info(f"saved as {names[0]}, now {'the best' if self.keep_best == 1 else 'among the best'}")

    def _reports_what_decides(self, runner: Any, metrics: dict[str, float]) -> bool:
        """Tell whether all of ``save_best`` was measured; CocoMetric measures nothing where nothing is found."""
        unknown = [key for key in self.save_best or () if key != "auto" and key not in metrics]
        if unknown and unknown[0] in (reported_names(runner.cfg) or ()):
            runner.logger.warning(f"this validation gave no {unknown[0]}: it can't have the best checkpoint")
            return False
        if unknown:
            where = f"default_hooks.checkpoint.save_best = {unknown[0]!r}"
            remedy = nearest(unknown[0], metrics) or "choose one of them, or 'auto' for the first"
            raise InputError(Problem(where, f"the evaluators report no such metric: {', '.join(metrics)}", remedy))
        return True

    @master_only
    def _publish_model(self, runner: Any, ckpt_path: str) -> None:
        """Write a copy with ``published_keys`` only, named after the hash of its content."""
        checkpoint = _load_checkpoint(ckpt_path)
        published = {key: value for key, value in checkpoint.items() if key in (self.published_keys or ())}
        digits = hashlib.sha256(pickle.dumps(published)).hexdigest()[:8]
        path = f"{Path(ckpt_path).with_suffix('')}-{digits}.pth"
        save_checkpoint(published, path, backend_args=self.backend_args)
        runner.logger.info(f"{ckpt_path} is published to {path}")
