"""What a run depended on and how it went, as parts of its record; where config keys come from is another matter."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime, timezone


@dataclass(frozen=True)
class GitState:
    """The code that a run used.

    Attributes:
        commit: Hash of the commit; empty where there is no git, no repository or no commit.
        branch: Name of the branch; empty on none.
        dirty: Whether files differed from the commit, new source files included; None where it is not known.
        diff_file: Patch to apply to the commit, beside ``run.json``; empty where there is none.
        diff_sha256: SHA-256 of the patch.
        left_out: Changed files that were too large for the patch.
    """

    commit: str = ""
    branch: str = ""
    dirty: bool | None = None
    diff_file: str = ""
    diff_sha256: str = ""
    left_out: list[str] = field(default_factory=list)


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


@dataclass(frozen=True)
class Start:
    """One start of a run, the first or a resumed one.

    Attributes:
        time: When, in ISO 8601, UTC.
        command: The command line, without secrets.
        resumed_from: Checkpoint that it went on from; empty for a new run.
        settings_sha256: Hash of its settings.
        git: Its code.
        seconds: How long it trained, so far as it could still say.
    """

    time: str
    command: str
    resumed_from: str = ""
    settings_sha256: str = ""
    git: GitState = field(default_factory=GitState)
    seconds: float = 0.0


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


@dataclass(frozen=True, kw_only=True)
class Course:
    """How a run went.

    Attributes:
        started: When it began, in ISO 8601, UTC.
        finished: When it ended, however it ended; empty while it trains, and after a kill.
        seconds: How long it trained, over all starts.
        starts: Each of them.
        epochs_done: Complete epochs behind it.
        peak_memory_mib: Most memory that the first process held.
        peak_device_memory_mib: Most memory that it held on its GPU; None on a CPU.
        reason: Why it failed.
    """

    started: str = ""
    finished: str = ""
    seconds: float = 0.0
    starts: list[Start] = field(default_factory=list)
    epochs_done: int = 0
    peak_memory_mib: float = 0.0
    peak_device_memory_mib: float | None = None
    reason: str = ""


def utc_now() -> str:
    """Return the time in ISO 8601, UTC, to the second."""
    return datetime.now(timezone.utc).isoformat(timespec="seconds")
