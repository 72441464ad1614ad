"""The largest batch that fits a GPU, found by real training steps, and the learning rate that goes with it."""

from __future__ import annotations

import copy
import gc
import math
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import torch
from mmdet.registry import MODELS
from mmengine.config import Config
from mmengine.dist import get_world_size, init_dist, is_distributed, is_main_process
from mmengine.logging import MessageHub
from mmengine.model.utils import revert_sync_batchnorm
from mmengine.optim import build_optim_wrapper

from sortline.data.annotations import read_annotations
from sortline.errors import InputError, Problem
from sortline.pipeline.bind import annotation_path, class_names, leaf_datasets
from sortline.pipeline.plan import image_size
from sortline.pipeline.registered import register
from sortline.weights.pretrained import drop_pretrained

# Part of the GPU's memory that the search may fill. Real training has uneven batches, a fragmented allocator, and the
# buffers of several processes beside it.
MEMORY_SHARE = 0.9
# Each batch is tried for a second step: the first one creates the optimiser's state.
STEPS = 2
ADAPTIVE = ("adam", "lamb", "lion")
OUT_OF_MEMORY = ("out of memory", "CUDNN_STATUS_ALLOC_FAILED", "CUBLAS_STATUS_ALLOC_FAILED")
LEAST_BOXES = 50
# How many photos' boxes these steps put into one.
MIXED_PHOTOS = {"Mosaic": 4, "CachedMosaic": 4, "MixUp": 2, "CachedMixUp": 2}
RESIZE = "BatchSyncRandomResize"


@dataclass(frozen=True)
class Load:
    """The heaviest image that training can meet.

    Attributes:
        width: In pixels.
        height: In pixels.
        boxes: Ground-truth boxes on it.
        classes: Number of classes.
        masks: Whether each box has a mask.
        semantic: Whether the image has a map of classes.
    """

    width: int
    height: int
    boxes: int
    classes: int
    masks: bool = False
    semantic: bool = False


def heaviest_load(cfg: Config) -> Load:
    """Work out the heaviest image from a bound config's pipeline and annotation files."""
    pipeline = [step for dataset in _pipelines(cfg.train_dataloader.dataset) for step in dataset]
    width, height = image_size(cfg.get("train_pipeline") or pipeline)
    augments = (cfg.model.get("data_preprocessor") or {}).get("batch_augments") or []
    for augment in augments:
        if augment.get("type") == RESIZE:
            width = height = max(width, height, *augment.random_size_range)
    batch_sampler = (cfg.train_dataloader.get("batch_sampler") or {}).get("type", "")
    if "AspectRatio" not in batch_sampler:  # landscape and portrait images share a batch, padded to hold both
        width = height = max(width, height)
    loads = [step for step in pipeline if step.get("type") == "LoadAnnotations"]
    loads += [step for step in pipeline if step.get("type") == "LoadPanopticAnnotations"]
    mixed = math.prod(MIXED_PHOTOS.get(step.get("type"), 1) for step in pipeline)
    return Load(
        width,
        height,
        max(LEAST_BOXES, mixed * _most_boxes(cfg)),
        max(len(class_names(cfg)), 1),
        any(step.get("with_mask") for step in loads),
        any(step.get("with_seg") for step in loads),
    )


def _pipelines(dataset: Any) -> Iterator[Any]:
    """Walk through dataset wrappers and yield every pipeline."""
    if dataset.get("pipeline"):
        yield dataset.pipeline
    children = dataset.get("datasets") or [dataset.get("dataset")]
    for child in children:
        if child:
            yield from _pipelines(child)


def _most_boxes(cfg: Config) -> int:
    """Count the boxes of the fullest training image."""
    most = 0
    for dataset in leaf_datasets(cfg.train_dataloader.dataset):
        content = read_annotations(annotation_path(dataset))
        counts = Counter(box["image_id"] for box in content["annotations"])
        most = max([most, *counts.values()])
    return most


def image_count(cfg: Config) -> int:
    """Count the training images of a bound config."""
    leaves = leaf_datasets(cfg.train_dataloader.dataset)
    return sum(len(read_annotations(annotation_path(dataset))["images"]) for dataset in leaves)


def largest_batch(fits: Callable[[int], bool], limit: int) -> int:
    """Find the largest batch size that fits: doubled while it does, then bisected.

    Args:
        fits: Tells whether a batch of so many images fits; larger ones than one that doesn't, don't either.
        limit: Largest size worth trying, 1 or more.

    Returns:
        The size; 0 if not even one image fits.
    """
    good, bad = 0, limit + 1
    size = 1
    while size < bad:
        if fits(size):
            good = size
            # The limit itself is tried before giving up on doubling.
            size = min(2 * size, limit) if size < limit else bad
        else:
            bad = size
    while bad - good > 1:
        middle = (good + bad) // 2
        good, bad = (middle, bad) if fits(middle) else (good, middle)
    return good


class StepProbe:
    """Tells whether a training step of so many images fits in memory, by doing it.

    Args:
        cfg: A bound config; not changed.
        load: The image that fills the batches.
        device: Where to train.
        processes: Number of processes of the real run: several keep a copy of the gradients to exchange.
    """

    def __init__(self, cfg: Config, load: Load, device: torch.device, processes: int = 1) -> None:
        register(cfg)
        model_cfg = copy.deepcopy(cfg.model)
        drop_pretrained(model_cfg)
        preprocessor: Any = model_cfg.get("data_preprocessor") or {}
        if preprocessor.get("batch_augments"):  # the load is of their largest size already
            preprocessor.batch_augments = [step for step in preprocessor.batch_augments if step.type != RESIZE]
        # Statistics shared between processes would make one that runs out of memory stall the others.
        self.model: Any = revert_sync_batchnorm(MODELS.build(model_cfg)).to(device).train()
        self.optimizer = _still_optimizer(self.model, cfg)
        self.load = load
        self.ballast = self._copies(cfg, device, processes)

    def _copies(self, cfg: Config, device: torch.device, processes: int) -> list[torch.Tensor]:
        """Take the memory of what the real run keeps beside the model: a moving average, gradients to exchange."""
        parameters = list(self.model.parameters())
        averaged = any(hook.get("type") == "EMAHook" for hook in cfg.get("custom_hooks") or [])
        kept = parameters if averaged else []
        kept = kept + [parameter for parameter in parameters if parameter.requires_grad and processes > 1]
        return [torch.empty_like(parameter, device=device) for parameter in kept]

    def __call__(self, batch_size: int) -> bool:
        """Train a few steps on a batch; False when memory runs out."""
        try:
            for _ in range(STEPS):
                self.step(batch_size)
        except RuntimeError as error:
            if not is_out_of_memory(error):
                raise
            return False
        finally:
            self.model.zero_grad(set_to_none=True)
            gc.collect()  # an exception's frames hold tensors
            torch.cuda.empty_cache()
        return True

    def step(self, batch_size: int) -> None:
        """Do one training step on synthetic images."""
        from mmdet.testing import demo_mm_inputs  # here, after registering has kept its chatter out of the log

        load = self.load
        batch = demo_mm_inputs(
            batch_size,
            [(3, load.height, load.width)] * batch_size,
            num_items=[load.boxes] * batch_size,
            num_classes=max(load.classes, 2),
            with_mask=load.masks,
            with_semantic=load.semantic,
        )
        for sample in batch["data_samples"]:
            sample.gt_instances.labels %= load.classes
        MessageHub.get_current_instance().update_info("epoch", 0)  # some heads ask which one it is
        self.model.train_step(batch, self.optimizer)


def _still_optimizer(model: Any, cfg: Config) -> Any:
    """Build the optimiser, to step at every call and to change nothing: random weights could diverge."""
    settings = copy.deepcopy(cfg.optim_wrapper)
    settings.pop("accumulative_counts", None)
    wrapper = build_optim_wrapper(model, settings)
    for group in wrapper.optimizer.param_groups:
        group["lr"] = 0.0
    return wrapper


def is_out_of_memory(error: RuntimeError) -> bool:
    """Tell a lack of memory, which CUDA's libraries report in words of their own, from a defect."""
    return isinstance(error, torch.OutOfMemoryError) or any(words in str(error) for words in OUT_OF_MEMORY)


@contextmanager
def limited_memory(device: torch.device, share: float = MEMORY_SHARE) -> Iterator[None]:
    """Let this process take only a part of a GPU's memory that is free now."""
    free, total = torch.cuda.mem_get_info(device)
    torch.cuda.set_per_process_memory_fraction(share * free / total, device)
    try:
        yield
    finally:
        torch.cuda.set_per_process_memory_fraction(1.0, device)
        torch.cuda.empty_cache()


def scale_learning_rate(cfg: Config, total_batch: int) -> str:
    """Scale the learning rate from the batch that it was chosen for to the one of the run.

    Linearly for SGD (https://arxiv.org/abs/1706.02677), by the square root for Adam and its kin, whose steps do not
    grow with the gradient (https://arxiv.org/abs/2205.10287).

    Args:
        cfg: Changed in place; ``auto_scale_lr.base_batch_size`` is the batch that its rate is for.
        total_batch: Images a step, over all processes.

    Returns:
        A line that says what was done.
    """
    base = (cfg.get("auto_scale_lr") or {}).get("base_batch_size")
    if base is None:
        return "learning rate unchanged: the config has no auto_scale_lr.base_batch_size to scale it from"
    if cfg.auto_scale_lr.get("enable"):
        return f"learning rate x {total_batch / base:.3g}, linearly, as --auto-scale-lr says"
    optimizer = cfg.optim_wrapper.optimizer
    adaptive = any(name in optimizer.type.lower() for name in ADAPTIVE)
    ratio = math.sqrt(total_batch / base) if adaptive else total_batch / base
    before, optimizer.lr = optimizer.lr, optimizer.lr * ratio
    rule = f"square root of {total_batch}/{base}, for {optimizer.type}" if adaptive else f"{total_batch}/{base}"
    return f"learning rate {before:.3g} -> {optimizer.lr:.3g} (x {rule})"


def use_auto_batch(cfg: Config, launcher: str = "none") -> list[str]:
    """Set the training batch to the largest that fits this machine's GPUs, and the learning rate to go with it.

    Args:
        cfg: A bound config; changed in place.
        launcher: What starts several processes; all of them get the same batch.

    Returns:
        Lines that say what was found and set.

    Raises:
        InputError: There is no GPU, or not even one image fits.
    """
    if not torch.cuda.is_available():
        remedy = "leave it out, and set the batch yourself: --cfg-options train_dataloader.batch_size=4"
        raise InputError(Problem("--auto-batch", "there is no GPU here, whose memory it could try", remedy))
    processes = _start_processes(cfg, launcher)
    device = torch.device("cuda", torch.cuda.current_device())
    load = heaviest_load(cfg)
    with limited_memory(device):
        probe = StepProbe(cfg, load, device, processes)
        found = largest_batch(_told(probe), max(1, image_count(cfg) // processes))
        batch_size = _smallest_of_all(found, device)
        del probe
    if not batch_size:
        what = f"not even one image of {load.width}x{load.height} with {load.boxes} boxes fits on this GPU"
        raise InputError(Problem("--auto-batch", what, "train on smaller images, with --amp, or a smaller model"))
    return set_batch(cfg, batch_size, processes, load)


def _told(fits: Callable[[int], bool]) -> Callable[[int], bool]:
    """Print every try, once for all processes."""

    def told(batch_size: int) -> bool:
        result = fits(batch_size)
        if is_main_process():
            print(f"auto-batch: {batch_size} images {'fit' if result else 'do not fit'}", flush=True)
        return result

    return told


def set_batch(cfg: Config, batch_size: int, processes: int, load: Load) -> list[str]:
    """Write a batch and its learning rate into a config; return lines that say so."""
    was = cfg.train_dataloader.batch_size
    cfg.train_dataloader.batch_size = batch_size
    size = f"{load.width}x{load.height} with {load.boxes} boxes"
    found = f"{batch_size} images of {size} fit on each GPU, {1 - MEMORY_SHARE:.0%} of its memory left"
    return [
        f"auto-batch: {found}: train_dataloader.batch_size = {batch_size} (was {was})",
        f"auto-batch: {scale_learning_rate(cfg, batch_size * processes)}",
    ]


def _start_processes(cfg: Config, launcher: str) -> int:
    """Join the processes of a distributed run, which the Runner would do later; return how many there are."""
    if launcher != "none" and not is_distributed():
        init_dist(launcher, **(cfg.get("env_cfg") or {}).get("dist_cfg", {"backend": "nccl"}))
    return int(get_world_size())


def _smallest_of_all(batch_size: int, device: torch.device) -> int:
    """Return the least of what the processes found: they train in step, and their GPUs may differ."""
    if get_world_size() == 1:
        return batch_size
    value = torch.tensor(batch_size, device=device)
    torch.distributed.all_reduce(value, torch.distributed.ReduceOp.MIN)
    return int(value)
