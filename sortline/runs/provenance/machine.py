"""What a run's numbers may depend on beside code and data, as far as it is known without torch."""

from __future__ import annotations

import os
import platform
from collections.abc import Mapping
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

from sortline.runs.provenance.parts import Hardware

#: Packages that take part in a run's numbers, by the name they are imported by; those that they are installed as.
PACKAGES = {
    "torch": ("torch",),
    "torchvision": ("torchvision",),
    "mmengine": ("onedl-mmengine", "mmengine"),
    "mmcv": ("onedl-mmcv", "mmcv", "mmcv-lite"),
    "mmdet": ("onedl-mmdetection", "mmdet"),
    "timm": ("timm",),
    "numpy": ("numpy",),
    "scipy": ("scipy",),
    "sklearn": ("scikit-learn",),
    "cv2": ("opencv-python-headless", "opencv-python"),
    "PIL": ("pillow",),
    "albumentations": ("albumentations",),
    "albucore": ("albucore",),
    "hotcoco": ("hotcoco",),
    "triton": ("triton",),
}
#: Environment variables that change how torch computes.
VARIABLES = (
    "CUBLAS_WORKSPACE_CONFIG",
    "NVIDIA_TF32_OVERRIDE",
    "TORCH_ALLOW_TF32_CUBLAS_OVERRIDE",
    "ATEN_CPU_CAPABILITY",
    "DNNL_MAX_CPU_ISA",
    "ONEDNN_MAX_CPU_ISA",
    "MKL_CBWR",
    "MKL_NUM_THREADS",
    "PYTHONHASHSEED",
)
#: Where launchers say how many processes there are.
WORLD_SIZES = {"pytorch": "WORLD_SIZE", "slurm": "SLURM_NTASKS", "mpi": "OMPI_COMM_WORLD_SIZE"}


def installed_versions() -> dict[str, str]:
    """Return the versions of Python, the C library and the packages of :data:`PACKAGES` that are installed."""
    versions = {"python": platform.python_version(), "libc": " ".join(platform.libc_ver()).strip()}
    for name, candidates in PACKAGES.items():
        found = next((found for found in map(_version, candidates) if found), "")
        if found:
            versions[name] = found
    return versions


def _version(distribution: str) -> str:
    try:
        return version(distribution)
    except PackageNotFoundError:
        return ""


def set_variables(environment: Mapping[str, str]) -> dict[str, str]:
    """Return those of :data:`VARIABLES` that are set."""
    return {name: environment[name] for name in VARIABLES if name in environment}


def processes_of(launcher: str, environment: Mapping[str, str]) -> int:
    """Return how many processes a launcher has started, before they know of each other."""
    return int(environment.get(WORLD_SIZES.get(launcher, ""), 1))


def this_machine() -> Hardware:
    """Describe the machine; what torch uses of it is left open."""
    memory = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    cores = len(os.sched_getaffinity(0))
    return Hardware(system=platform.platform(), cpu=_processor(), cores=cores, memory_gib=round(memory / 2**30, 1))


def _processor() -> str:
    """Name the processor's model; Linux keeps it in a file, and elsewhere its kind has to do."""
    try:
        lines = Path("/proc/cpuinfo").read_text(encoding="utf-8", errors="replace").splitlines()
    except OSError:
        lines = []
    models = (line.partition(":")[2].strip() for line in lines if line.startswith("model name"))
    return next(models, platform.processor() or platform.machine())
