"""Batch-norm statistics of a checkpoint, measured on the training photos of a config."""

from __future__ import annotations

import itertools
import math
import tempfile
from typing import Any

import torch
from mmdet.registry import MODELS
from mmengine.runner import Runner

from sortline.pipeline.bind import class_names
from sortline.pipeline.prepare import check_run, draft_run
from sortline.pipeline.registered import register
from sortline.pipeline.request import RunRequest
from sortline.progress import track
from sortline.weights.averaging import recompute_batch_norm
from sortline.weights.checkpoint_comparison import check_matches
from sortline.weights.pretrained import drop_pretrained


def measure_batch_norm(checkpoint: dict[str, Any], config: str, data_root: str | None, images: int) -> int:
    """Replace a checkpoint's batch-norm statistics by those of its weights on training photos.

    Args:
        checkpoint: ``state_dict`` and ``meta``; changed in place.
        config: Config that it was trained with, for the model, the photos and their augmentation.
        data_root: Folder of the data; None for the config's.
        images: How many photos to look at.

    Returns:
        Number of layers measured; 0 for a model without batch normalisation, or with none that training updates.

    Raises:
        InputError: The config is not sound, or the checkpoint is not of its model.
    """
    request = RunRequest(config, data_root=data_root)
    with tempfile.TemporaryDirectory() as folder:
        cfg = check_run(draft_run(request), ("train",), folder).cfg
        drop_pretrained(cfg.model)
        register(cfg)
        model = MODELS.build(cfg.model)
        check_matches(model.state_dict(), checkpoint["state_dict"], config, class_names(cfg), checkpoint.get("meta"))
        model.load_state_dict(checkpoint["state_dict"], strict=False)
        model.to("cuda" if torch.cuda.is_available() else "cpu")
        loader = Runner.build_dataloader(cfg.train_dataloader, seed=0)
        count = min(len(loader), math.ceil(images / cfg.train_dataloader.batch_size))
        batches = track(itertools.islice(loader, count), "measuring batch norm", count)

        def forward(batch: Any) -> None:
            model(**model.data_preprocessor(batch, training=True), mode="loss")

        layers = recompute_batch_norm(model, forward, batches)
    measured = model.state_dict()
    checkpoint["state_dict"] = {key: measured[key].cpu() for key in checkpoint["state_dict"] if key in measured}
    return layers
