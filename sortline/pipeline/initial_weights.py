"""Starting from another experiment's run: its best weights, or those of a teacher, of the same fold."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from mmengine.config import Config, ConfigDict

from sortline.errors import InputError, Problem, counted, nearest, tool_command
from sortline.files import file_sha256, read_json
from sortline.pipeline.bind import annotation_path, leaf_datasets
from sortline.pipeline.validation_part import FOLDER as ALL_DATA
from sortline.runs.checkpoints import find_checkpoint
from sortline.runs.run_folder import fold_folder
from sortline.runs.run_record import TRAINED, RunRecord, read_record
from sortline.weights.pretrained import drop_pretrained

#: Config keys that name an experiment.
START, TEACHER = "start_from", "teacher_from"
ROOT = "work_dirs"


@dataclass(frozen=True)
class InitialWeights:
    """Weights of other runs that a run begins with.

    Attributes:
        weights: Checkpoint to start from.
        teacher: Checkpoint of the teacher.
        teacher_model: Its model, as its run resolved it.
        lines: What was found, for the log.
    """

    weights: Path | None = None
    teacher: Path | None = None
    teacher_model: dict[str, Any] | None = None
    lines: list[str] = field(default_factory=list)

    def apply(self, cfg: Config) -> None:
        """Write the checkpoints into a config.

        After its record is made: folds start from different files, and are alike all the same.
        """
        if self.weights is not None:
            cfg.load_from = str(self.weights)
        if self.teacher is not None:
            cfg.model.teacher_config = ConfigDict(model=self.teacher_model)
            drop_pretrained(cfg.model.teacher_config)
            cfg.model.teacher_ckpt = str(self.teacher)


def find_initial_weights(cfg: Config, resumes: bool = False) -> InitialWeights:
    """Find the weights that ``start_from`` and ``teacher_from`` name.

    Either is the name of an experiment, whose run is in ``work_dirs``, or a path of a run folder. A fold takes the
    run of the same fold, training on all data that on all data.

    Args:
        cfg: A bound config.
        resumes: The run continues its own checkpoint, and needs no other to start from.

    Raises:
        InputError: There is no such run, it has not come to its end, or has seen images that this run validates on;
            all problems together.
    """
    problems: list[Problem] = []
    found: dict[str, tuple[Path, RunRecord]] = {}
    for key in (START, TEACHER):
        if not cfg.get(key) or (key == START and resumes):
            continue
        try:
            found[key] = _run_of(cfg, key)
        except InputError as error:
            problems += error.problems
    if problems:
        raise InputError(problems)
    lines = [f"{key} = {path}" for key, (path, _) in found.items()]
    weights, _ = found.get(START, (None, None))
    teacher, record = found.get(TEACHER, (None, None))
    return InitialWeights(weights, teacher, record.settings["model"] if record else None, lines)


def _run_of(cfg: Config, key: str) -> tuple[Path, RunRecord]:
    """Return checkpoint and record of the run that a key names."""
    name = str(cfg[key])
    folder = _folder(name, cfg)
    record = read_record(folder)
    if record is None:
        raise InputError(Problem(key, f"{folder} holds no run", _train_it(name, cfg)))
    if record.status != TRAINED:
        raise InputError(Problem(key, f"the run in {folder} has not come to its end", _train_it(name, cfg, True)))
    if record.fold != cfg.get("fold"):
        what = f"{folder} holds the run of {_fold_name(record.fold)}, this is {_fold_name(cfg.get('fold'))}"
        raise InputError(Problem(key, what, "give every run back its own folder"))
    if problem := _leak(cfg, key, folder, record):
        raise InputError(problem)
    return find_checkpoint(folder), record


def _folder(name: str, cfg: Config) -> Path:
    folder = Path(name) if "/" in name else Path(ROOT) / name
    if cfg.get("fold") is not None:
        return folder / fold_folder(cfg.fold)
    return folder / ALL_DATA if cfg.get("all_data") else folder


def _fold_name(fold: int | None) -> str:
    return "no fold" if fold is None else f"fold {fold}"


def _train_it(name: str, cfg: Config, resume: bool = False) -> str:
    """Say how to get the run."""
    configs = {path.stem: path for path in Path("configs").rglob("*.py") if "_base_" not in path.parts}
    stem = Path(name).name
    if stem not in configs and "/" not in name:
        return nearest(name, configs) or f"write the name of an experiment, or the path of a run folder: {name}/"
    fold = ["--fold", cfg.fold] if cfg.get("fold") is not None else []
    switches = ["--all-data"] * bool(cfg.get("all_data")) + ["--resume"] * resume
    return "train it first: " + tool_command("tools/train.py", configs.get(stem, "CONFIG"), *fold, *switches)


def _leak(cfg: Config, key: str, folder: Path, record: RunRecord) -> Problem | None:
    """Make sure that the run has seen none of the images that this one validates on."""
    loader = cfg.get("val_dataloader")
    if loader is None:
        return None
    paths = [annotation_path(dataset) for dataset in leaf_datasets(loader.dataset)]
    validated = {image["file_name"] for path in paths for image in read_json(path)["images"]}
    remedy = "train it on the same data and folds as this run"
    for part, file in record.ann_files.items():
        if not part.startswith("train"):
            continue
        if not Path(file["path"]).is_file() or file_sha256(file["path"]) != file["sha256"]:
            what = f"{folder} was trained on {file['path']}, which has changed: what it has seen is not known"
            return Problem(key, what, remedy)
        seen = sorted(validated & {image["file_name"] for image in read_json(file["path"])["images"]})
        if seen:
            what = f"{folder} was trained on {len(seen):,} images that this run validates on: {counted(seen)}"
            return Problem(key, what, remedy)
    return None
