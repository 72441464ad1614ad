"""Parts of a model that are frozen for the first epochs, through mmengine's Runner and a resumed run."""

from __future__ import annotations

from pathlib import Path

import pytest

torch = pytest.importorskip("torch")
pytest.importorskip("mmengine")

from mmengine.hooks import Hook  # noqa: E402
from mmengine.model import BaseModel  # noqa: E402
from mmengine.runner import Runner  # noqa: E402
from torch import nn  # noqa: E402

from custom_modules.hooks.freeze_hook import FreezeHook, find_parts  # noqa: E402
from sortline.errors import InputError  # noqa: E402

pytestmark = pytest.mark.mm


class Toy(BaseModel):
    """A backbone with statistics, one layer of which is frozen for good, and a head."""

    def __init__(self) -> None:
        super().__init__()
        self.backbone = nn.Sequential(nn.Linear(2, 2), nn.BatchNorm1d(2), nn.Linear(2, 2))
        self.backbone[2].requires_grad_(False)
        self.head = nn.Linear(2, 1)

    def forward(self, inputs: list[torch.Tensor], mode: str = "loss") -> dict[str, torch.Tensor]:
        return dict(loss=self.head(self.backbone(torch.stack(inputs))).square().mean())


class Watch(Hook):
    """Notes, at the end of each epoch, what has changed in it."""

    def __init__(self) -> None:
        self.changed: list[set[str]] = []
        self.before: dict[str, torch.Tensor] = {}

    def before_train_epoch(self, runner: Runner) -> None:
        self.before = {name: value.clone() for name, value in runner.model.state_dict().items()}

    def after_train_epoch(self, runner: Runner) -> None:
        state = runner.model.state_dict()
        changed = {name for name, value in state.items() if not torch.equal(value, self.before[name])}
        self.changed.append({".".join(name.split(".")[:-1]) for name in changed})


def train(folder: Path, watch: Watch, max_epochs: int, resume: bool = False, frozen_epochs: int = 2) -> Runner:
    torch.manual_seed(0)
    data = [dict(inputs=torch.rand(2)) for _ in range(4)]
    runner = Runner(
        model=Toy(),
        work_dir=str(folder),
        train_dataloader=dict(batch_size=2, dataset=data, sampler=dict(type="DefaultSampler", shuffle=False)),
        train_cfg=dict(by_epoch=True, max_epochs=max_epochs),
        optim_wrapper=dict(optimizer=dict(type="AdamW", lr=0.1)),
        custom_hooks=[FreezeHook(epochs=frozen_epochs), watch],
        resume=resume,
        experiment_name=f"{folder.name}-{max_epochs}-{resume}",
    )
    runner.train()
    return runner


FROZEN = {"head"}
ALL = {"head", "backbone.0", "backbone.1"}


def test_the_backbone_waits_for_its_epochs_and_then_learns(tmp_path: Path) -> None:
    """Weights and statistics; what the model itself has frozen stays so."""
    watch = Watch()
    runner = train(tmp_path, watch, max_epochs=4)
    assert watch.changed == [FROZEN, FROZEN, ALL, ALL]
    assert not any(p.requires_grad for p in runner.model.backbone[2].parameters())


@pytest.mark.parametrize("stopped_after", [1, 2, 3])
def test_a_resumed_run_goes_on_as_it_would_have(tmp_path: Path, stopped_after: int) -> None:
    whole = train(tmp_path / "whole", Watch(), max_epochs=4)
    train(tmp_path / "parts", Watch(), max_epochs=stopped_after)
    watch = Watch()
    resumed = train(tmp_path / "parts", watch, max_epochs=4, resume=True)
    assert watch.changed == [FROZEN, FROZEN, ALL, ALL][stopped_after:]
    for name, value in whole.model.state_dict().items():
        torch.testing.assert_close(resumed.model.state_dict()[name], value)


def test_a_run_that_ends_before_leaves_nothing_frozen_behind(tmp_path: Path) -> None:
    runner = train(tmp_path, Watch(), max_epochs=1)
    assert all(p.requires_grad for p in runner.model.backbone[0].parameters())


def test_parts_are_found_by_name() -> None:
    model = Toy()
    assert find_parts(model, ["backbone.0", "head"]) == [model.backbone[0], model.head]
    with pytest.raises(InputError, match="did you mean 'backbone'") as caught:
        find_parts(model, ["backbon", "x"])
    assert len(caught.value.problems) == 2


def test_no_epochs_at_all_are_refused() -> None:
    with pytest.raises(InputError, match="write at least 1 epoch"):
        FreezeHook(epochs=0)
