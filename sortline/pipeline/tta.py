"""Test-time augmentation: the config's test pipeline once for each view of a photo, and a model that merges them."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from itertools import product
from pathlib import Path
from typing import Any

from mmengine.config import Config, ConfigDict

from sortline.errors import InputError, Problem, counted, nearest
from sortline.pipeline.bind import as_list, leaf_datasets
from sortline.predictions.ensembling.ensemble_settings import EnsembleSettings
from sortline.runs.run_folder import fold_folder
from sortline.runs.run_record import RunRecord

FOLDER = "tta"
FLIPS = ("horizontal", "vertical", "diagonal")
MERGING = ("iou_thr", "skip_box_thr", "conf_type", "max_per_image")
KEYS = ("scales", "flips", *MERGING)
#: Settings of the steps that decide on the input's size, which grow with a view's scale.
SIZES = {
    "Resize": ("scale", "scale_factor"),
    "FixScaleResize": ("scale", "scale_factor"),
    "ResizeShortestEdge": ("scale", "max_size"),
    "FixShapeResize": ("width", "height"),
    "Pad": ("size",),
}
#: What the model needs to know of a view to bring its boxes back to the photo.
META_KEYS = ("img_id", "img_path", "ori_shape", "img_shape", "scale_factor", "flip", "flip_direction")
#: Detectors join maps of half the size with whole ones down to this stride.
STRIDE = 32


@dataclass(frozen=True)
class TtaSettings:
    """Which views of a photo a test takes.

    Attributes:
        scales: Sizes, relative to the one that the config tests at.
        flips: Directions in which each size is seen beside the photo as it is.
        merging: Settings of Weighted Boxes Fusion that the config gives, of ``MERGING``.
    """

    scales: tuple[float, ...] = (1.0,)
    flips: tuple[str, ...] = ("horizontal",)
    merging: Mapping[str, Any] = field(default_factory=dict)


def check_tta(cfg: Config) -> list[Problem]:
    """Find what is wrong with a config's ``tta``, whether it is asked for or not.

    Args:
        cfg: A config as read.
    """
    given = cfg.get("tta")
    if given is None:
        return []
    if not isinstance(given, dict):
        what, remedy = f"is {given!r}", 'write a dict: tta = dict(scales=[0.8, 1.0, 1.2], flips=["horizontal"])'
        return [Problem("tta", what, remedy)]
    problems = [
        Problem(f"tta.{key}", "unknown key", nearest(str(key), KEYS) or f"known: {', '.join(KEYS)}")
        for key in given
        if key not in KEYS
    ]
    settings = read_settings(cfg)
    problems += _view_problems(settings)
    try:
        EnsembleSettings(**settings.merging)
    except InputError as error:
        problems += [Problem(f"tta.{problem.where}", problem.what, problem.remedy) for problem in error.problems]
    return problems


def _view_problems(settings: TtaSettings) -> list[Problem]:
    problems = []
    bad_scales = [scale for scale in settings.scales if not _is_positive(scale)]
    if bad_scales or not settings.scales:
        what = f"holds {counted(bad_scales)}" if bad_scales else "is empty"
        problems.append(Problem("tta.scales", what, "write numbers above 0, 1 for the size that the config tests at"))
    for flip in settings.flips:
        if flip not in FLIPS:
            remedy = nearest(str(flip), FLIPS) or f"known: {', '.join(FLIPS)}; [] for none"
            problems.append(Problem("tta.flips", f"holds {flip!r}", remedy))
    for name, values in (("scales", settings.scales), ("flips", settings.flips)):
        if any(values.count(value) > 1 for value in values):
            problems.append(Problem(f"tta.{name}", f"names a view twice: {list(values)}", "name each once"))
    if len(settings.scales) == 1 and not settings.flips:
        problems.append(Problem("tta", "asks for one view only", "add a scale or a flip"))
    return problems


def read_settings(cfg: Config) -> TtaSettings:
    """Take the views from a config's ``tta``; what it leaves out is as in :class:`TtaSettings`."""
    given = cfg.get("tta") or {}
    views = {key: tuple(as_list(given[key])) for key in ("scales", "flips") if key in given}
    return TtaSettings(**views, merging={key: given[key] for key in MERGING if key in given})


def _is_positive(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool) and 0 < value < math.inf


def use_tta(cfg: Config) -> list[str]:
    """Make a config test with several views of each photo, and write into a run folder of its own.

    The model is wrapped in a ``WBFTTAModel``, the pipelines of the validation and test loaders end in a
    ``TestTimeAug`` with a pipeline for each view.

    Args:
        cfg: A bound config whose ``tta`` is sound; changed in place.

    Returns:
        One line for each thing set, for the log.

    Raises:
        InputError: A pipeline that no views can be made of; all problems together.
    """
    settings = read_settings(cfg)
    lines, problems = [], []
    for part in ("val", "test"):
        loader = cfg.get(f"{part}_dataloader")
        for dataset in leaf_datasets(loader.dataset) if loader else ():
            place = f"{part}_dataloader.dataset.pipeline"
            steps = dataset.get("pipeline") or []
            if found := _pipeline_problems(steps, settings, place):
                problems += found
                continue
            dataset.pipeline = with_views(steps, settings)
            lines.append(f"{place}: {_described(steps, settings)}")
    if problems:
        raise InputError(problems)
    merging = {"max_per_image": _limit_of_detector(cfg.model), **settings.merging}
    lines.append(f"model = WBFTTAModel of {cfg.model.type} ({', '.join(f'{k}={v}' for k, v in merging.items())})")
    cfg.model = ConfigDict(type="WBFTTAModel", module=cfg.model, **merging)
    cfg.work_dir = tta_folder(cfg.work_dir, cfg.get("fold"))
    return lines


def tta_folder(work_dir: str, fold: int | None = None) -> str:
    """Name the folder for what a run's test with several views gives.

    Folds come below it, so that it is laid out as the experiment's own run folder.

    >>> tta_folder("work_dirs/x"), tta_folder("work_dirs/x/fold_2", 2)
    ('work_dirs/x/tta', 'work_dirs/x/tta/fold_2')
    """
    folder = Path(work_dir)
    if fold is not None and folder.name == fold_folder(fold):
        return str(folder.parent / FOLDER / folder.name)
    return str(folder / FOLDER)


def tta_record(record: RunRecord, run: RunRecord | None) -> RunRecord:
    """Let the record of a test with several views say how far the run has come that it tests.

    Args:
        record: What the test would keep: its own settings, views included.
        run: Record of the run's own folder, if there is one.
    """
    return record if run is None else replace(record, status=run.status, best_score=run.best_score)


def with_views(steps: Sequence[ConfigDict], settings: TtaSettings) -> list[ConfigDict]:
    """Turn a test pipeline into one that gives all views of a photo.

    A view is flipped right after loading, so that everything after it, padding included, is as in a plain test,
    and boxes come back by the size of the photo alone.

    Args:
        steps: The pipeline of a plain test: loading steps, any others, ``PackDetInputs``.
        settings: The views.

    Returns:
        The loading steps and a ``TestTimeAug`` of a ``Compose`` for each view: the first scale as it is and in
        each direction, then the next scale.
    """
    loading = _loading_steps(steps)
    views = [
        ConfigDict(type="Compose", transforms=[_flip_step(flip), *_scaled(steps[len(loading) :], scale)])
        for scale, flip in product(settings.scales, (None, *settings.flips))
    ]
    return [*loading, ConfigDict(type="TestTimeAug", transforms=[views])]


def _loading_steps(steps: Sequence[ConfigDict]) -> list[ConfigDict]:
    """Return the first steps, those that read the photo and perhaps its boxes."""
    count = next((index for index, step in enumerate(steps) if not _name(step).startswith("Load")), len(steps))
    return list(steps[:count])


def _name(step: Mapping[str, Any]) -> str:
    """Return a step's type without its scope."""
    return str(step.get("type", "")).rpartition(".")[2]


def _flip_step(flip: str | None) -> ConfigDict:
    """Flip for certain, or only note that the photo is as it is."""
    return ConfigDict(type="RandomFlip", prob=1.0 if flip else 0.0, direction=flip or FLIPS[0])


def _scaled(steps: Sequence[ConfigDict], scale: float) -> list[ConfigDict]:
    """Copy the steps of a view, its sizes scaled and its geometry kept for the model."""
    copies = []
    for step in steps:
        name = _name(step)
        copy = ConfigDict(step)
        for key in SIZES.get(name, ()):
            if step.get(key) is not None:
                in_pixels = key != "scale_factor"
                copy[key] = _scaled_size(step[key], scale, in_pixels, round_up=name == "Pad")
        if name == "PackDetInputs":
            copy.meta_keys = (*META_KEYS, *(key for key in step.get("meta_keys", ()) if key not in META_KEYS))
        copies.append(copy)
    return copies


def _scaled_size(size: Any, scale: float, in_pixels: bool = True, round_up: bool = False) -> Any:
    """Scale a size in pixels, or a factor, or a tuple of either.

    Pixels stay multiples of the strides that the config's own are multiples of. Padding is rounded up, so that it
    never ends up below the image in it.

    >>> _scaled_size((640, 640), 0.83), _scaled_size((1333, 800), 0.8)
    ((544, 544), (1066, 640))
    """
    if isinstance(size, list | tuple):
        return tuple(_scaled_size(value, scale, in_pixels, round_up) for value in size)
    if not in_pixels:
        return size * scale
    if scale == 1:
        return size
    grid = math.gcd(size, STRIDE)
    steps = size * scale / grid
    return grid * max(1, math.ceil(steps - 1e-9) if round_up else math.floor(steps + 0.5))


def _pipeline_problems(steps: Sequence[ConfigDict], settings: TtaSettings, place: str) -> list[Problem]:
    """Say why no views can be made of a pipeline, if so."""
    names = [_name(step) for step in steps]
    if not _loading_steps(steps) or "PackDetInputs" not in names:
        what = f"does not begin with loading a photo and end with PackDetInputs: {', '.join(names) or 'it is empty'}"
        return [Problem(place, what, "write test_pipeline as in configs/_base_/datasets/recycle.py")]
    if found := [name for name in ("TestTimeAug", "RandomFlip") if name in names]:
        return [Problem(place, f"has a {found[0]} of its own", "remove it: --tta adds the views")]
    if settings.scales == (1,):
        return []
    count = sum(name in SIZES and name != "Pad" for name in names)
    if count != 1:
        what = f"has {count} steps that resize; one is needed to see photos at other scales"
        return [Problem(place, what, 'write one dict(type="Resize", ...), or set tta.scales to [1]')]
    return _same_sizes(steps, settings, place)


def _same_sizes(steps: Sequence[ConfigDict], settings: TtaSettings, place: str) -> list[Problem]:
    """Find scales that rounding has made equal: the same view twice would count twice."""
    problems = []
    seen: dict[str, float] = {}
    for scale in settings.scales:
        size = _shown_size(steps, scale)
        if size in seen:
            what = f"scales {seen[size]} and {scale} both give {size}: sizes stay multiples of {STRIDE}"
            problems.append(Problem(place, what, "choose scales further apart"))
        seen[size] = scale
    return problems


def _shown_size(steps: Sequence[ConfigDict], scale: float) -> str:
    """Write down what a view resizes to."""
    for step in _scaled(steps, scale):
        if _name(step) in SIZES and _name(step) != "Pad":
            values = [step[key] for key in SIZES[_name(step)] if step.get(key) is not None]
            flat = [value for item in values for value in as_list(item)]
            return "x".join(str(value) for value in flat)
    return "the photo's size"


def _described(steps: Sequence[ConfigDict], settings: TtaSettings) -> str:
    sizes = ", ".join(_shown_size(steps, scale) for scale in settings.scales)
    count = len(settings.scales) * (1 + len(settings.flips))
    flips = f", as it is and flipped ({', '.join(settings.flips)})" if settings.flips else ""
    return f"{count} views of a photo: {sizes}{flips}"


def _limit_of_detector(model: ConfigDict) -> int | None:
    """Return how many boxes of a photo a detector keeps, where its config says so."""
    test_cfg = model.get("test_cfg") or {}
    last_stage = test_cfg.get("rcnn") or test_cfg
    return last_stage.get("max_per_img") if isinstance(last_stage, dict) else None
