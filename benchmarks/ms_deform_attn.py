"""Time multi-scale deformable attention at DINO's sizes: the plain form beside the Triton kernels.

    python benchmarks/ms_deform_attn.py

Needs a GPU. Forward and backward of one encoder layer (every pixel of four levels asks) and one decoder layer (900
queries) on images of 1024 px, in milliseconds, the median of 20 runs; memory is what a call needs at its peak.
"""

import argparse
import os
import statistics
import sys
from collections.abc import Callable
from pathlib import Path

import torch
from rich.console import Console
from rich.table import Table

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))
sys.path.insert(0, str(Path(__file__).resolve().parent.parent / "tools"))

from custom_modules.ops import ms_deform_attn
from sortline.cli import run_tool
from sortline.errors import InputError, Problem

STRIDES, SIDE, HEADS, CHANNELS, POINTS = (8, 16, 32, 64), 1024, 8, 32, 4
RUNS = 20


def main() -> None:
    """Print a row for each implementation, layer and precision."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--batch", type=int, default=2, help="images (default: 2)")
    args = parser.parse_args()
    if not torch.cuda.is_available():
        raise InputError(Problem("benchmarks/ms_deform_attn.py", "there is no GPU here", "run it where there is one"))
    table = Table("layer", "precision", "implementation", "forward, ms", "forward and backward, ms", "memory, MiB")
    pixels = sum((SIDE // stride) ** 2 for stride in STRIDES)
    for layer, queries in (("encoder", pixels), ("decoder", 900)):
        for dtype in (torch.float32, torch.float16):
            for name, setting in (("plain", "0"), ("Triton", "1")):
                os.environ["SORTLINE_TRITON"] = setting
                numbers = measure(ms_deform_attn, inputs(args.batch, queries, dtype))
                table.add_row(layer, str(dtype), name, *(f"{number:.2f}" for number in numbers))
    Console(width=120).print(table)
    print(f"{torch.cuda.get_device_name()}, torch {torch.__version__}, {args.batch} images of {SIDE} px")


def inputs(batch: int, queries: int, dtype: torch.dtype) -> tuple[torch.Tensor, ...]:
    """Make values, shapes, starts, locations and attention on the GPU."""
    shapes = torch.tensor([(SIDE // stride, SIDE // stride) for stride in STRIDES], device="cuda")
    sizes = shapes.prod(1)
    starts = torch.cat([sizes.new_zeros(1), sizes.cumsum(0)[:-1]])
    value = torch.randn(batch, int(sizes.sum()), HEADS, CHANNELS, device="cuda", dtype=dtype)
    locations = torch.rand(batch, queries, HEADS, len(STRIDES), POINTS, 2, device="cuda", dtype=dtype)
    attention = torch.rand(locations.shape[:-1], device="cuda", dtype=dtype)
    return value, shapes, starts, locations, attention


def measure(module: object, tensors: tuple[torch.Tensor, ...]) -> tuple[float, float, float]:
    """Return the time of forward and of both in milliseconds, and the peak memory in MiB."""
    value, _, _, locations, attention = tensors

    def forward() -> torch.Tensor:
        return module.ms_deform_attn_forward(*tensors, 64)

    def both() -> None:
        grads = [torch.empty_like(part) for part in (value, locations, attention)]
        module.ms_deform_attn_backward(*tensors, forward(), *grads, 64)

    before = torch.cuda.memory_allocated()
    torch.cuda.reset_peak_memory_stats()
    both()
    memory = (torch.cuda.max_memory_allocated() - before) / 2**20
    return milliseconds(forward), milliseconds(both), memory


def milliseconds(call: Callable[[], object]) -> float:
    """Time a call on the GPU after three warm-up calls."""
    times = []
    for run in range(RUNS + 3):
        start, end = (torch.cuda.Event(enable_timing=True) for _ in range(2))
        start.record()
        call()
        end.record()
        torch.cuda.synchronize()
        if run >= 3:
            times.append(start.elapsed_time(end))
    return statistics.median(times)


if __name__ == "__main__":
    run_tool(main)
