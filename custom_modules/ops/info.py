"""What mmcv reports about its build; written to the log of every run with the environment."""

from __future__ import annotations


def get_compiler_version() -> str:
    """Name the compiler that built mmcv's extension: none did."""
    return "none (ops served by Sortline)"


def get_compiling_cuda_version() -> str:
    """Name the CUDA version that mmcv's extension was built with: torch's and torchvision's kernels serve."""
    return "none (ops served by Sortline)"
