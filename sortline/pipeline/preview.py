"""Samples as the training loader would draw them: the real dataset, sampler and pipeline, without a model."""

from __future__ import annotations

import time
from collections.abc import Iterable, Sequence
from dataclasses import replace
from typing import Any

import mmcv
import numpy as np
import numpy.typing as npt
from mmengine.config import Config
from mmengine.dataset import Compose
from mmengine.registry import DATA_SAMPLERS, DATASETS
from mmengine.runner import set_random_seed

from sortline.errors import InputError, Problem
from sortline.pipeline.bind import class_names
from sortline.pipeline.drawn_samples import Drawn, Objects, fed_sample
from sortline.pipeline.registered import register
from sortline.progress import track

#: Samples drawn and thrown away first where transforms mix photos they have seen: they begin with none.
WARM_UP = 8


def draw_samples(cfg: Config, count: int, late: bool = False) -> list[Drawn]:
    """Draw samples of a prepared config's training data in the sampler's order.

    Args:
        cfg: Bound and checked. ``randomness.seed`` decides what is drawn.
        count: How many; past the end of an epoch, the next begins.
        late: Draw through the pipeline of the last epochs.

    Raises:
        InputError: The config has no training data, or no pipeline for the last epochs.
    """
    if not cfg.get("train_dataloader"):
        raise InputError(Problem(str(cfg.filename), "has no train_dataloader", "give a config that trains"))
    register(cfg)
    seed = (cfg.get("randomness") or {}).get("seed") or 0
    set_random_seed(seed)
    dataset = DATASETS.build(cfg.train_dataloader.dataset)
    dataset.full_init()
    if late:
        dataset.pipeline = Compose(late_pipeline(cfg))
    sampler = DATA_SAMPLERS.build(dict(cfg.train_dataloader.sampler), default_args=dict(dataset=dataset, seed=seed))
    warm_up = WARM_UP if _keeps_photos(dataset) else 0
    indices = _first(sampler, warm_up + count)
    photos = _photo_rows(dataset)
    drawn = [_draw(dataset, index, photos) for index in track(indices, "drawing samples")]
    return drawn[warm_up:]


def late_pipeline(cfg: Config) -> Sequence[Any]:
    """Return the transforms that a hook switches to late in training.

    Raises:
        InputError: No hook does.
    """
    for hook in cfg.get("custom_hooks") or []:
        if hook.get("switch_pipeline"):
            return list(hook.switch_pipeline)
    remedy = "leave --stage2 out, or set last_epochs_without in a recipe"
    raise InputError(Problem("--stage2", "the config trains with one pipeline throughout", remedy))


def _keeps_photos(dataset: Any) -> bool:
    """Tell whether a transform of the dataset mixes photos that it has seen before."""
    pipeline = getattr(dataset, "pipeline", None)
    return any(hasattr(transform, "results_cache") for transform in getattr(pipeline, "transforms", ()))


def _first(sampler: Any, count: int) -> list[int]:
    """Return the first indices that a sampler gives, over as many epochs as it takes."""
    indices: list[int] = []
    for epoch in range(count):
        if hasattr(sampler, "set_epoch"):
            sampler.set_epoch(epoch)
        indices += list(sampler)
        if len(indices) >= count or not indices:
            break
    return indices[:count]


def _photo_rows(dataset: Any) -> dict[str, dict[str, Any]]:
    """Map each photo's path to what the dataset knows of it: a refused sample is replaced by another photo's."""
    holder = dataset
    while hasattr(holder, "dataset"):
        holder = holder.dataset
    rows = (holder.get_data_info(index) for index in range(len(holder)))
    return {row["img_path"]: row for row in rows}


def _draw(dataset: Any, index: int, photos: dict[str, dict[str, Any]]) -> Drawn:
    start = time.perf_counter()
    packed = dataset[index]
    seconds = time.perf_counter() - start
    fed = fed_sample(packed["inputs"], packed["data_samples"])
    photo = np.ascontiguousarray(mmcv.imread(fed.file_name)[..., ::-1])
    row = photos[packed["data_samples"].metainfo["img_path"]]
    return replace(fed, photo=photo, photo_objects=_annotated_objects(row["instances"]), seconds=seconds)


def _annotated_objects(instances: Iterable[dict[str, Any]]) -> Objects:
    kept = [row for row in instances if not row.get("ignore_flag")]
    ignored = [row["bbox"] for row in instances if row.get("ignore_flag")]
    return Objects(
        boxes_xyxy=np.array([row["bbox"] for row in kept], np.float64).reshape(-1, 4),
        labels=np.array([row["bbox_label"] for row in kept], np.int64),
        ignored_xyxy=np.array(ignored, np.float64).reshape(-1, 4),
    )


def summary(drawn: Sequence[Drawn], cfg: Config) -> list[str]:
    """Say in a few lines what the samples are like: sizes, boxes before and after, time.

    Args:
        drawn: The samples, at least one.
        cfg: The config that they were drawn with.
    """
    before = np.array([len(sample.photo_objects.labels) for sample in drawn])
    after = np.array([len(sample.objects.labels) for sample in drawn])
    gone = int(((before > 0) & (after == 0)).sum())
    lines = [
        f"sizes: {_range_text([sample.image.shape[1::-1] for sample in drawn])}",
        f"boxes an image: {before.mean():.1f} annotated, {after.mean():.1f} fed to the model",
        f"lost: at least {_share(before, after):.0%} of the annotated boxes; {gone} of {len(drawn)} images lost all",
    ]
    gained = _by_class(drawn, class_names(cfg))
    if gained:
        lines.append(f"classes with more boxes than annotated: {gained}")
    seconds = float(np.median([sample.seconds for sample in drawn]))
    workers = max(cfg.train_dataloader.get("num_workers", 0), 1)
    rate = workers / max(seconds, 1e-9)
    lines.append(
        f"time: {1000 * seconds:.0f} ms an image (median); {workers} at a time load {rate:.0f} images a second"
    )
    return lines


def _share(before: npt.NDArray[np.int64], after: npt.NDArray[np.int64]) -> float:
    """Return the share of the boxes that are fewer on each image: others may have taken the place of lost ones."""
    return float(np.maximum(before - after, 0).sum() / max(before.sum(), 1))


def _range_text(sizes_wh: Sequence[tuple[int, ...]]) -> str:
    widths, heights = zip(*sizes_wh, strict=True)
    if len(set(sizes_wh)) == 1:
        return f"all {widths[0]} x {heights[0]}"
    return f"{min(widths)}-{max(widths)} wide, {min(heights)}-{max(heights)} high"


def _by_class(drawn: Sequence[Drawn], classes: Sequence[str]) -> str:
    counts = [np.zeros(len(classes), int), np.zeros(len(classes), int)]
    for sample in drawn:
        for total, objects in zip(counts, (sample.photo_objects, sample.objects), strict=True):
            total += np.bincount(objects.labels, minlength=len(classes))
    more = np.flatnonzero(counts[1] > counts[0])
    return ", ".join(f"{classes[label]} {counts[0][label]} -> {counts[1][label]}" for label in more)
