"""What a user asks for, as data: the tools make it from their command lines, and the library knows no other."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, fields, replace


@dataclass(frozen=True)
class RunRequest:
    """A run of one config: on which data, in which folder, and how to train or test.

    Attributes:
        config: Config file.
        cfg_options: Overrides as they were typed, ``KEY=VALUE`` each.
        data_root: Folder of the data in place of the config's.
        work_dir: Run folder in place of ``work_dirs/<name of the config>``.
        fold: Number of the fold to train and validate on; None for the config's own files.
        smoke: Shorten everything to two iterations.
        seed: Seed in place of the config's.
        trust_checkpoint: Load checkpoint files that can run code.
        launcher: What starts several processes: ``"none"``, ``"pytorch"``, ``"slurm"`` or ``"mpi"``.
        amp: Mixed precision, ``"fp16"`` or ``"bf16"``.
        auto_scale_lr: Scale the learning rate to the batch size.
        from_scratch: Start from random weights where pretrained ones can't be had.
        auto_batch: Find the largest batch that fits the GPU.
        all_data: Train on all images, without validation.
        epochs_from: Run folder whose folds say how long to train on all images.
        resume: ``"auto"`` for the newest checkpoint of the run folder, or a checkpoint; None to start anew.
        resume_or_start: With ``resume``: start anew where there is nothing to resume.
        tta: Test with several views of each photo.
    """

    config: str
    cfg_options: Sequence[str] = ()
    data_root: str | None = None
    work_dir: str | None = None
    fold: int | None = None
    smoke: bool = False
    seed: int | None = None
    trust_checkpoint: bool = False
    launcher: str = "none"
    amp: str | None = None
    auto_scale_lr: bool = False
    from_scratch: bool = False
    auto_batch: bool = False
    all_data: bool = False
    epochs_from: str | None = None
    resume: str | None = None
    resume_or_start: bool = False
    tta: bool = False

    def for_test(self) -> RunRequest:
        """Return the request to test what this one trains."""
        kept = ("config", "cfg_options", "data_root", "work_dir", "fold", "smoke", "seed", "trust_checkpoint")
        return RunRequest(**{name: getattr(self, name) for name in kept})

    def resumed(self) -> RunRequest:
        """Return the request to go on with this run."""
        return replace(self, resume="auto", resume_or_start=False)

    def arguments(self) -> list[str]:
        """Write the request as arguments of ``tools/train.py`` or ``tools/test.py``.

        >>> RunRequest("a.py", ["lr=1"], fold=2, smoke=True, resume="auto").arguments()
        ['a.py', '--cfg-options', 'lr=1', '--fold', '2', '--smoke', '--resume']
        """
        arguments = [self.config]
        for field in fields(self)[1:]:
            value, option = getattr(self, field.name), f"--{field.name.replace('_', '-')}"
            if field.name == "resume_or_start" or value == field.default or value == []:
                continue
            if field.name == "resume" and self.resume_or_start:
                arguments.append("--resume-or-start")
            elif value is True or (field.name, value) == ("resume", "auto"):
                arguments.append(option)
            else:
                arguments += [option, *([str(value)] if isinstance(value, str | int) else value)]
        return arguments
