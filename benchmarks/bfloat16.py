"""Training steps on the CPU in bfloat16 against float32, taken in turns: one square photo with one box a step.

python benchmarks/bfloat16.py
python benchmarks/bfloat16.py configs/rtmdet/rtmdet_tiny_cspnext-pafpn-640_20e_recycle.py --side 256 --threads 2
"""

from __future__ import annotations

import argparse
import statistics
import sys
import time
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))
import torch
from mmdet.registry import MODELS
from mmdet.structures import DetDataSample
from mmengine.optim import OptimWrapper, build_optim_wrapper
from mmengine.registry import init_default_scope
from mmengine.structures import InstanceData

import custom_modules.register_all  # noqa: F401
from sortline.pipeline.bind import bind
from sortline.pipeline.compose import load_config
from sortline.weights.pretrained import drop_pretrained

CONFIGS = [
    "configs/rtmdet/rtmdet_tiny_cspnext-pafpn-640_20e_recycle.py",
    "configs/demo/gfl_efficientnet-lite0_fpn-256_4e_demo.py",
]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("configs", nargs="*", default=CONFIGS)
    parser.add_argument("--side", type=int, default=128, help="of the photo in pixels (default: 128)")
    parser.add_argument("--turns", type=int, default=3, help="the first is not counted (default: 3)")
    parser.add_argument("--threads", type=int, default=1)
    args = parser.parse_args()
    torch.set_num_threads(args.threads)
    init_default_scope("mmdet")
    for config in args.configs:
        plain, half = step_times(config, args.side, args.turns)
        print(f"{config}: float32 {plain:.2f} s, bfloat16 {half:.2f} s, {half / plain:.1f} times as long")


def step_times(config: str, side: int, turns: int) -> list[float]:
    """Return the median seconds of a step in float32 and in bfloat16."""
    cfg = load_config(config)
    bind(cfg)
    drop_pretrained(cfg.model)
    torch.manual_seed(0)
    model = MODELS.build(cfg.model).train()
    settings = [
        dict(type=kind, optimizer=dict(type="SGD", lr=1e-4)) for kind in ("OptimWrapper", "BFloat16OptimWrapper")
    ]
    wrappers = [build_optim_wrapper(model, item) for item in settings]
    photo, sample = torch.randn(1, 3, side, side), sample_with_a_box(side)
    times: list[list[float]] = [[], []]
    for _ in range(turns):
        for wrapper, found in zip(wrappers, times, strict=True):
            found.append(timed_step(model, wrapper, photo, sample))
    return [statistics.median(found[1:]) for found in times]


def timed_step(model: Any, wrapper: OptimWrapper, photo: torch.Tensor, sample: DetDataSample) -> float:
    """Do one step and return its seconds."""
    start = time.perf_counter()
    with wrapper.optim_context(model):
        loss, _ = model.parse_losses(model.loss(photo, [sample]))
    wrapper.update_params(loss)
    return time.perf_counter() - start


def sample_with_a_box(side: int) -> DetDataSample:
    """Return the annotation of a square photo with one box in its middle."""
    shape = (side, side)
    keys = ("img_shape", "ori_shape", "batch_input_shape", "pad_shape")
    sample = DetDataSample(metainfo={**dict.fromkeys(keys, shape), "scale_factor": (1.0, 1.0), "img_id": 0})
    box_xyxy = torch.tensor([[0.2, 0.2, 0.7, 0.7]]) * side
    sample.gt_instances = InstanceData(bboxes=box_xyxy, labels=torch.zeros(1, dtype=torch.long))
    sample.ignored_instances = InstanceData(bboxes=torch.zeros(0, 4), labels=torch.zeros(0, dtype=torch.long))
    return sample


if __name__ == "__main__":
    main()
