"""What a run depends on beside its settings, as far as it is known without torch: packages, machine, photos."""

from __future__ import annotations

import hashlib
import os
import platform
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

from sortline.files import read_json
from sortline.runs.git_state import GitState

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


@dataclass(frozen=True)
class Hardware:
    """The machine that a run used; of several, the first process's.

    Attributes:
        system: Operating system.
        cpu: Model of the processor.
        cpu_capability: Vector instructions that torch uses, such as ``"AVX512"``.
        cores: Processor cores that the process may use.
        threads: Threads that torch computes with.
        memory_gib: The machine's memory.
        devices: Names of the GPUs that are trained on; none on a CPU.
        device_memory_gib: Memory of the first of them; 0 on a CPU.
        processes: Number of training processes.
    """

    system: str = ""
    cpu: str = ""
    cpu_capability: str = ""
    cores: int = 0
    threads: int = 0
    memory_gib: float = 0.0
    devices: list[str] = field(default_factory=list)
    device_memory_gib: float = 0.0
    processes: int = 1


@dataclass(frozen=True)
class Photos:
    """The photos of an annotation file, known by name and size: reading them all would take minutes.

    Attributes:
        count: How many the file lists.
        bytes: Their sizes together.
        sha256: Hash of all names and sizes; a photo that is not there counts as of size -1.
    """

    count: int
    bytes: int
    sha256: str


@dataclass(frozen=True, kw_only=True)
class Conditions:
    """What a run depended on beside its settings and annotation files; of several starts, at the last one.

    Attributes:
        settings_sha256: Hash of the settings that change what the run computes: equal for runs that should be alike.
        settings_types: JSON pointers (RFC 6901) of the settings that JSON has no type for, by their type.
        command: The command line, without secrets.
        seed: Seed of weights, shuffling and augmentation, also where the config left it open.
        git: The code.
        versions: Versions of Python and of packages, CUDA and cuDNN, by name.
        variables: Environment variables that change how torch computes, as far as they were set.
        hardware: The machine.
        parent_checkpoint: ``path`` and ``sha256`` of weights that the run began with, by the config key that wants
            them: ``"load_from"``, ``"model.backbone"``.
        photos: Photos of each annotation file, by part.
        held_out_from: ``path`` and ``sha256`` of the annotation file of which the validation part was held out;
            empty where the dataset has a validation file.
    """

    settings_sha256: str = ""
    settings_types: dict[str, list[str]] = field(default_factory=dict)
    command: str = ""
    seed: int | None = None
    git: GitState = field(default_factory=GitState)
    versions: dict[str, str] = field(default_factory=dict)
    variables: dict[str, str] = field(default_factory=dict)
    hardware: Hardware = field(default_factory=Hardware)
    parent_checkpoint: dict[str, dict[str, str]] = field(default_factory=dict)
    photos: dict[str, Photos] = field(default_factory=dict)
    held_out_from: dict[str, str] = field(default_factory=dict)


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


def describe_photos(ann_file: str | os.PathLike[str], folder: str | os.PathLike[str]) -> Photos:
    """Describe the photos that a COCO annotation file lists by their names and sizes, not by their content.

    Args:
        ann_file: The annotation file.
        folder: Folder that its file names are relative to.

    Raises:
        InputError: The annotation file can't be read.
    """
    return fingerprint(folder, (image["file_name"] for image in read_json(ann_file, quick=True)["images"]))


def fingerprint(folder: str | os.PathLike[str], names: Iterable[str]) -> Photos:
    """Describe photos by their names and sizes, in whichever order they come."""
    digest = hashlib.sha256()
    count = total = 0
    for name in sorted(names):
        try:
            size = os.stat(os.path.join(folder, name)).st_size
        except OSError:
            size = -1
        digest.update(f"{name}\t{size}\n".encode("utf-8", "surrogatepass"))
        count, total = count + 1, total + max(size, 0)
    return Photos(count, total, digest.hexdigest())
