"""What a run would do: images, iterations, learning rate, parameters, memory; without training anything."""

from __future__ import annotations

import copy
import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from mmdet.registry import MODELS
from mmengine.config import Config
from mmengine.logging import MessageHub, MMLogger
from mmengine.optim import build_optim_wrapper
from mmengine.registry import DATA_SAMPLERS, DATASETS, PARAM_SCHEDULERS
from mmengine.structures import InstanceData
from rich.console import Console
from torch import nn

from sortline.pipeline.bind import as_list
from sortline.pipeline.registered import register
from sortline.quiet import only_errors
from sortline.reports.tables import Table
from sortline.weights.pretrained import drop_pretrained

PROBE_SIDES = (256, 320)  # pixels; what grows with the area, and what does not, shows in two small images
RATE_POINTS = 9
BYTES_PER_MIB = 2**20


@dataclass(frozen=True)
class Plan:
    """Numbers of a run that was not started.

    Attributes:
        images: Images that each loader reads, by part.
        epochs: Passes over the training images, or None when the loop counts iterations.
        iterations: Optimiser steps in all.
        batch_size: Images a step and process.
        learning_rates: ``(iteration, rate of the first parameter group)`` over the run.
        parameters: Weights in all and those that are trained.
        memory_mib: Estimate for training: weights, gradients, optimiser state and activations of a batch, in MiB.
    """

    images: dict[str, int]
    epochs: int | None
    iterations: int
    batch_size: int
    learning_rates: list[tuple[int, float]]
    parameters: tuple[int, int]
    memory_mib: float


def make_plan(cfg: Config) -> Plan:
    """Work out what a prepared config would do.

    Memory is measured, not guessed: one training step's saved tensors on two small square images, of which the part
    that grows with the area is scaled to the largest image of the pipeline; proposals and queries do not grow.
    Allocator overhead, workspaces and what is recomputed for the backward pass come on top.
    """
    cfg = copy.deepcopy(cfg)
    register(cfg)
    drop_pretrained(cfg.model)
    datasets = {
        part: DATASETS.build(cfg[f"{part}_dataloader"].dataset)
        for part in ("train", "val", "test")
        if cfg.get(f"{part}_dataloader")
    }
    batch_size = cfg.train_dataloader.batch_size
    sampler = dict(cfg.train_dataloader.sampler, dataset=datasets["train"], seed=0)
    drawn = len(DATA_SAMPLERS.build(sampler))  # where sources have weights, not the number of images
    per_epoch = math.ceil(drawn / batch_size)
    epochs = cfg.train_cfg.get("max_epochs")
    iterations = epochs * per_epoch if epochs else cfg.train_cfg.max_iters
    model = MODELS.build(cfg.model)
    with only_errors(MMLogger.get_current_instance()):  # a line for every parameter otherwise
        model.init_weights()  # some of mmdet's parameters are whatever memory held, NaN included, until then
    parameters = list(model.parameters())
    trained = [parameter for parameter in parameters if parameter.requires_grad]
    return Plan(
        images={part: len(dataset) for part, dataset in datasets.items()},
        epochs=epochs,
        iterations=iterations,
        batch_size=batch_size,
        learning_rates=learning_rates(cfg, per_epoch, iterations),
        parameters=(_count(parameters), _count(trained)),
        memory_mib=_training_memory(cfg, model, trained, batch_size),
    )


def _count(parameters: Sequence[nn.Parameter]) -> int:
    return sum(parameter.numel() for parameter in parameters)


def learning_rates(cfg: Config, per_epoch: int, iterations: int) -> list[tuple[int, float]]:
    """Run the schedule on a one-weight model.

    Args:
        cfg: Config with ``optim_wrapper`` and ``param_scheduler``.
        per_epoch: Iterations an epoch.
        iterations: Iterations in all.

    Returns:
        ``(iteration, learning rate)`` at evenly spaced iterations, the first and last included.
    """
    wrapper_cfg = {key: value for key, value in cfg.optim_wrapper.items() if key in ("type", "optimizer")}
    wrapper_cfg = {**wrapper_cfg, "type": "OptimWrapper"}
    optimizer = build_optim_wrapper(nn.Linear(1, 1), wrapper_cfg).optimizer
    if cfg.get("auto_scale_lr", {}).get("enable"):
        ratio = cfg.train_dataloader.batch_size / cfg.auto_scale_lr.base_batch_size
        for group in optimizer.param_groups:
            group["lr"] *= ratio
    schedulers = [_build_scheduler(scheduler, optimizer, per_epoch) for scheduler in as_list(cfg.param_scheduler)]
    wanted = {round(index * (iterations - 1) / (RATE_POINTS - 1)) for index in range(RATE_POINTS)}
    points: list[tuple[int, float]] = []
    optimizer.step()
    for iteration in range(iterations):
        if iteration in wanted:
            points.append((iteration, optimizer.param_groups[0]["lr"]))
        for scheduler in schedulers:
            if not scheduler.by_epoch or (iteration + 1) % per_epoch == 0:
                scheduler.step()
    return points


def _build_scheduler(scheduler: dict[str, Any], optimizer: torch.optim.Optimizer, per_epoch: int) -> Any:
    settings = {**scheduler}
    if settings.pop("convert_to_iter_based", False):
        kind = PARAM_SCHEDULERS.get(settings.pop("type"))
        return kind.build_iter_from_epoch(optimizer=optimizer, **settings, epoch_length=per_epoch)
    return PARAM_SCHEDULERS.build(settings, default_args={"optimizer": optimizer})


def _training_memory(cfg: Config, model: nn.Module, trained: Sequence[nn.Parameter], batch_size: int) -> float:
    """Estimate MiB for one training step; see :func:`make_plan`."""
    weights = sum(tensor.numel() * tensor.element_size() for tensor in model.state_dict().values())
    optimizer = cfg.optim_wrapper.optimizer
    states = 2 if "adam" in optimizer.type.lower() else int(optimizer.get("momentum", 0) > 0)
    gradients = sum(parameter.numel() * parameter.element_size() for parameter in trained)
    width, height = image_size(cfg.get("train_pipeline") or [])
    masks = any(step.get("with_mask") for step in cfg.get("train_pipeline") or [])
    small, large = (_activation_bytes(model, side, masks) for side in PROBE_SIDES)
    by_pixel = max(large - small, 0) / (PROBE_SIDES[1] ** 2 - PROBE_SIDES[0] ** 2)
    activations = (small + by_pixel * (width * height - PROBE_SIDES[0] ** 2)) * batch_size
    return float((weights + gradients * (1 + states) + activations) / BYTES_PER_MIB)


def _activation_bytes(model: Any, side: int, masks: bool) -> int:
    """Measure what autograd keeps for the backward pass of one square image with one box.

    Two are passed through and the sum is halved: batch norm needs more than one value a channel, and some detectors'
    last map is a single pixel.
    """
    weights = {parameter.data_ptr() for parameter in model.parameters()}
    sizes: dict[int, int] = {}

    def keep(tensor: torch.Tensor) -> torch.Tensor:
        storage = tensor.untyped_storage()
        if storage.data_ptr() not in weights:
            sizes[storage.data_ptr()] = storage.nbytes()
        return tensor

    model.train()
    MessageHub.get_current_instance().update_info("epoch", 0)  # TOOD's head asks which one it is
    with torch.autograd.graph.saved_tensors_hooks(keep, lambda tensor: tensor):
        model.loss(torch.zeros(2, 3, side, side), [_probe_sample(side, masks) for _ in range(2)])
    return sum(sizes.values()) // 2


def _probe_sample(side: int, masks: bool) -> Any:
    """Describe a square image with one box; with ``masks``, the box has one: itself."""
    from mmdet.structures import DetDataSample
    from mmdet.structures.mask import PolygonMasks

    sample = DetDataSample(metainfo={"img_shape": (side,) * 2, "ori_shape": (side,) * 2})
    sample.set_metainfo({"batch_input_shape": (side,) * 2, "pad_shape": (side,) * 2})
    sample.set_metainfo({"scale_factor": (1.0, 1.0), "img_id": 0, "flip": False})
    box_xyxy = torch.tensor([[0.2, 0.2, 0.7, 0.7]]) * side
    sample.gt_instances = InstanceData(bboxes=box_xyxy, labels=torch.zeros(1, dtype=torch.long))
    if masks:
        x1, y1, x2, y2 = box_xyxy[0].tolist()
        outline = np.array([x1, y1, x2, y1, x2, y2, x1, y2])
        sample.gt_instances.masks = PolygonMasks([[outline]], side, side)
    sample.ignored_instances = InstanceData(bboxes=torch.zeros(0, 4), labels=torch.zeros(0, dtype=torch.long))
    return sample


def image_size(pipeline: Sequence[dict[str, Any]]) -> tuple[int, int]:
    """Return the largest width and height in pixels that a training pipeline can yield.

    The last step that fixes a size decides; a list of scales counts as its largest.
    """
    size = (1024, 1024)
    for step in pipeline:
        for key in ("scale", "scales", "img_scale", "crop_size", "size"):
            value = step.get(key)
            if not value:
                continue
            options = value if isinstance(value[0], list | tuple) else [value]
            size = max(((int(w), int(h)) for w, h in options), key=lambda wh: wh[0] * wh[1])
    return size


def print_plan(cfg: Config, lines: Sequence[str]) -> Plan:
    """Show the plan on the terminal and return it."""
    plan = make_plan(cfg)
    console = Console()
    steps = f"{plan.epochs} epochs, " if plan.epochs else ""
    total, trained = plan.parameters
    rows = [
        *((f"{part} images", f"{count:,}") for part, count in plan.images.items()),
        ("training", f"{steps}{plan.iterations:,} iterations of {plan.batch_size} images"),
        ("parameters", f"{total / 1e6:.2f} M, {trained / 1e6:.2f} M of them trained"),
        ("memory, estimated", f"{plan.memory_mib / 1024:.1f} GiB in float32 (less with --amp)"),
        (
            "learning rate\nby iteration",
            "\n".join(f"{iteration:>9,}  {rate:.3g}" for iteration, rate in plan.learning_rates),
        ),
        ("run folder", str(cfg.work_dir)),
    ]
    Table(("", ""), rows, f"plan of {cfg.filename}", left=(0, 1)).print(console)
    for line in lines:
        console.print(f"  {line}", highlight=False, markup=False, soft_wrap=True)
    console.print("The config is sound. Nothing was trained.")
    return plan
