"""Checkpoints that survive a kill or a full disk at any moment."""

from __future__ import annotations

import hashlib
import pickle
from collections import deque
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from mmengine.dist import is_main_process, master_only
from mmengine.hooks import CheckpointHook
from mmengine.registry import HOOKS
from mmengine.runner.checkpoint import _load_checkpoint, save_checkpoint

from custom_modules.errors import InputError, Problem, nearest
from custom_modules.experiments.checkpoints import LAST
from custom_modules.files import atomic_write
from custom_modules.hooks.atomic_backend import NAME
from custom_modules.hooks.postponed_removals import PostponedRemovals


@HOOKS.register_module()
class AtomicCheckpointHook(CheckpointHook):
    """mmengine's checkpoint hook, which never leaves a broken file and never removes a good one too early.

    mmengine writes checkpoints and ``last_checkpoint`` straight to their final names, and deletes the oldest and
    the previous best before it writes the new one
    (https://github.com/open-mmlab/mmengine/blob/main/mmengine/hooks/checkpoint_hook.py). Here every file is
    written beside its name, flushed and renamed, and old checkpoints go when the new one is complete and
    ``last_checkpoint`` names it. What the files hold is mmengine's, so ``resume`` works as ever. For a moment
    there is one checkpoint more on the disk than ``max_keep_ckpts``.

    Args:
        out_dir: Root of the checkpoints; ``runner.work_dir`` by default.
        file_client_args: mmengine's older name of ``backend_args``.
        backend_args: How checkpoints are stored; atomically, where they lie on the local disk.
        **kwargs: As for mmengine's :class:`CheckpointHook`.

    Raises:
        OSError: A checkpoint can't be written, as on a full disk; the previous ones are untouched.
        InputError: ``save_best`` names a metric that the evaluators don't report.
    """

    def __init__(
        self,
        *,
        out_dir: str | Path | None = None,
        file_client_args: dict[str, Any] | None = None,
        backend_args: dict[str, Any] | None = None,
        **kwargs: Any,
    ) -> None:
        is_local = file_client_args is None and "://" not in str(out_dir)
        if backend_args is None and is_local:
            backend_args = {"backend": NAME}
        super().__init__(out_dir=out_dir, file_client_args=file_client_args, backend_args=backend_args, **kwargs)

    def before_train(self, runner: Any) -> None:
        """Prepare as mmengine does, and remove what a killed run was writing."""
        super().before_train(runner)
        self._adopt_best(runner)
        if is_main_process():
            for path in Path(self.out_dir).glob(".*.pth.*.tmp"):
                path.unlink(missing_ok=True)

    def _adopt_best(self, runner: Any) -> None:
        """Point at the best checkpoint in this run's own folder: after a copy, the original's is not ours to remove."""
        hub = runner.message_hub
        for name in [key for key in hub.runtime_info if key == "best_ckpt" or key.startswith("best_ckpt_")]:
            hub.update_info(name, self._own(hub.get_info(name)))
        if getattr(self, "best_ckpt_path", None):
            self.best_ckpt_path = self._own(self.best_ckpt_path)
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
        runner.save_checkpoint(
            self.out_dir,
            filename,
            self.file_client_args,
            save_optimizer=self.save_optimizer,
            save_param_scheduler=self.save_param_scheduler,
            meta=meta,
            by_epoch=self.by_epoch,
            backend_args=self.backend_args,
            **self.args,
        )
        if is_main_process():
            with atomic_write(Path(runner.work_dir, LAST)) as file:
                file.write(self.last_ckpt)
        self._retire(runner, steps)

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
        runner.message_hub.update_info("keep_ckpt_ids", steps)
        return steps

    def _retire(self, runner: Any, steps: Sequence[int]) -> None:
        """Remove all but the newest ``max_keep_ckpts`` checkpoints."""
        if self.max_keep_ckpts <= 0:
            return
        self.keep_ckpt_ids = deque(steps, self.max_keep_ckpts)
        runner.message_hub.update_info("keep_ckpt_ids", list(self.keep_ckpt_ids))
        for step in steps[: -self.max_keep_ckpts] if is_main_process() else ():
            path = self.file_backend.join_path(self.out_dir, self.filename_tmpl.format(step))
            if self.file_backend.isfile(path):
                self.file_backend.remove(path)
            elif self.file_backend.isdir(path):  # as which deepspeed keeps a checkpoint
                self.file_backend.rmtree(path)

    def _save_best_checkpoint(self, runner: Any, metrics: dict[str, float]) -> None:
        """Save a new best checkpoint as mmengine does, and remove the previous one when all is written."""
        self._check_save_best(metrics)
        with self._removals_postponed():
            super()._save_best_checkpoint(runner, metrics)

    def _check_save_best(self, metrics: dict[str, float]) -> None:
        unknown = [key for key in self.save_best or () if key != "auto" and key not in metrics]
        if unknown:
            where = f"default_hooks.checkpoint.save_best = {unknown[0]!r}"
            remedy = nearest(unknown[0], metrics) or "choose one of them, or 'auto' for the first"
            raise InputError(Problem(where, f"the evaluators report no such metric: {', '.join(metrics)}", remedy))

    @contextmanager
    def _removals_postponed(self) -> Iterator[None]:
        """Hold back removals until the block has ended well; after an error nothing is removed."""
        backend = self.file_backend
        self.file_backend = PostponedRemovals(backend)
        try:
            yield
            best = getattr(self, "best_ckpt_path_dict", {}) or {"": getattr(self, "best_ckpt_path", None)}
            self.file_backend.carry_out(keep={str(path) for path in [self.last_ckpt, *best.values()]})
        finally:
            self.file_backend = backend

    @master_only
    def _publish_model(self, runner: Any, ckpt_path: str) -> None:
        """Write a copy with ``published_keys`` only, named after the hash of its content."""
        checkpoint = _load_checkpoint(ckpt_path)
        published = {key: value for key, value in checkpoint.items() if key in (self.published_keys or ())}
        digits = hashlib.sha256(pickle.dumps(published)).hexdigest()[:8]
        path = f"{Path(ckpt_path).with_suffix('')}-{digits}.pth"
        save_checkpoint(published, path, backend_args=self.backend_args)
        runner.logger.info(f"{ckpt_path} is published to {path}")
