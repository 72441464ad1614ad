"""Freezes parts of a model for the first epochs."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from mmengine.hooks import Hook
from mmengine.registry import HOOKS
from mmengine.runner import Runner
from torch import nn

from custom_modules.hooks.plain_model import plain_model
from sortline.errors import InputError, Problem, nearest
from sortline.pipeline.check.training import refuse_arguments


@HOOKS.register_module()
class FreezeHook(Hook):
    """Freezes parts of a model for the first epochs; afterwards they are trained like the rest.

    New heads have large gradients at first, which would disturb a pretrained backbone. Frozen parts get no gradient and
    no weight decay, and keep their normalisation statistics. The state depends on the epoch only, so a resumed run
    continues correctly. Parameters that the config freezes for the whole run stay frozen.

    Args:
        modules: Names of the parts, as in ``model.named_modules()``: ``"backbone"``, ``"backbone.layer1"``.
        epochs: Number of epochs for which they are frozen.

    Raises:
        InputError: ``epochs`` is not positive.
    """

    def __init__(self, modules: Sequence[str] = ("backbone",), epochs: int = 1) -> None:
        refuse_arguments("FreezeHook", epochs=epochs)
        self.names = [modules] if isinstance(modules, str) else list(modules)
        self.epochs = epochs
        self.parts: list[nn.Module] = []
        self.frozen: list[nn.Parameter] = []

    def before_train(self, runner: Runner) -> None:
        """Find the parts, and freeze them if the run starts or resumes in these epochs."""
        model = plain_model(runner)
        if model is not runner.model and not getattr(runner.model, "find_unused_parameters", True):
            what = "several processes would wait for gradients that frozen parts don't have"
            raise InputError(Problem("find_unused_parameters", what, "set it to True in the config"))
        self.parts = find_parts(model, self.names)
        if runner.epoch < self.epochs:
            self._freeze(runner)

    def before_train_iter(self, runner: Runner, batch_idx: int, data_batch: Any = None) -> None:
        """Unfreeze the parts after their epochs; until then put them back into evaluation mode."""
        if not self.frozen:
            return
        if runner.epoch >= self.epochs:
            self._release(runner)
        else:
            for part in self.parts:
                part.eval()

    def after_train(self, runner: Runner) -> None:
        """Unfreeze the parts, so that the model can be trained further."""
        for parameter in self.frozen:
            parameter.requires_grad_(True)

    def _freeze(self, runner: Runner) -> None:
        parameters = {id(parameter): parameter for part in self.parts for parameter in part.parameters()}
        self.frozen = [parameter for parameter in parameters.values() if parameter.requires_grad]
        for parameter in self.frozen:
            parameter.requires_grad_(False)
        values = sum(parameter.numel() for parameter in self.frozen)
        runner.logger.info(f"frozen up to epoch {self.epochs}: {', '.join(self.names)}, {values:,} values")

    def _release(self, runner: Runner) -> None:
        for parameter in self.frozen:
            parameter.requires_grad_(True)
        self.frozen = []
        runner.model.train()
        runner.logger.info(f"trained from this epoch on: {', '.join(self.names)}")


def find_parts(model: nn.Module, names: Sequence[str]) -> list[nn.Module]:
    """Return a model's modules by name.

    Raises:
        InputError: The model has no module of a name.
    """
    known = dict(model.named_modules())
    children = [name for name, _ in model.named_children()]
    problems = [
        Problem("FreezeHook.modules", f"the model has no part {name!r}", nearest(name, known) or ", ".join(children))
        for name in names
        if name not in known
    ]
    if problems:
        raise InputError(problems)
    return [known[name] for name in names]
