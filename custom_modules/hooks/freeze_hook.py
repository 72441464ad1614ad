"""Parts of a model that stay as they are for the first epochs."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from mmengine.hooks import Hook
from mmengine.registry import HOOKS
from mmengine.runner import Runner
from torch import nn

from custom_modules.hooks.plain_model import plain_model
from sortline.errors import InputError, Problem, nearest


@HOOKS.register_module()
class FreezeHook(Hook):
    """Freeze parts of a model for the first epochs, then train them like the rest.

    New heads send large, useless gradients at first; a pretrained backbone is spared them. Frozen parts get no
    gradient and no weight decay, and keep their normalisation statistics. What to do follows from the epoch alone,
    so a resumed run goes on as it would have. What the config has frozen for good stays so.

    Args:
        modules: Names of the parts, as in ``model.named_modules()``: ``"backbone"``, ``"backbone.layer1"``.
        epochs: Number of epochs; from the next one on they are trained.

    Raises:
        InputError: ``epochs`` is no positive number.
    """

    def __init__(self, modules: Sequence[str] = ("backbone",), epochs: int = 1) -> None:
        if epochs < 1:
            raise InputError(Problem("FreezeHook.epochs", f"{epochs!r} is not at least 1", "leave the hook out"))
        self.names = [modules] if isinstance(modules, str) else list(modules)
        self.epochs = epochs
        self.parts: list[nn.Module] = []
        self.frozen: list[nn.Parameter] = []

    def before_train(self, runner: Runner) -> None:
        """Find the parts, and freeze them if the run starts or resumes early enough."""
        model = plain_model(runner)
        if model is not runner.model and not getattr(runner.model, "find_unused_parameters", True):
            what = "several processes would wait for gradients that frozen parts don't have"
            raise InputError(Problem("find_unused_parameters", what, "set it to True in the config"))
        self.parts = find_parts(model, self.names)
        if runner.epoch < self.epochs:
            self._freeze(runner)

    def before_train_iter(self, runner: Runner, batch_idx: int, data_batch: Any = None) -> None:
        """Release the parts once their epochs are over; until then undo what ``model.train()`` did to them."""
        if not self.frozen:
            return
        if runner.epoch >= self.epochs:
            self._release(runner)
        else:
            for part in self.parts:
                part.eval()

    def after_train(self, runner: Runner) -> None:
        """Leave a model behind that can be trained on."""
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
        runner.logger.info(f"trained from now on: {', '.join(self.names)}")


def find_parts(model: nn.Module, names: Sequence[str]) -> list[nn.Module]:
    """Return a model's modules of the given names.

    Raises:
        InputError: It has none of such a name.
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
