"""Settings of runs as flat tables of dotted keys, for printing, comparing and recognising."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from typing import Any

from sortline.nested import flatten

ABSENT = "(absent)"
#: Keys that say where a run happens and how fast, not what it does. Annotation files count by their content.
PLACES = frozenset(
    (
        *("work_dir", "data_root", "ann_file", "ann_files", "num_workers", "persistent_workers", "prefetch_factor"),
        *("visualizer", "vis_backends", "log_level", "env_cfg", "launcher"),
        "deciding_score",  # counts where it was carried to: save_best, monitor
    )
)

#: Names of registered types in earlier versions, by which older records know them, and their names today.
RENAMED_TYPES = {"RecycleDataset": "DetectionDataset", "MaskedRecycleDataset": "MaskedDetectionDataset"}

#: What the runner reads, the most telling first; the loaders and evaluators of test mirror those of validation.
PARTS = (
    *("model", "load_from", "train_dataloader", "optim_wrapper", "param_scheduler", "train_cfg", "custom_hooks"),
    *("default_hooks", "val_dataloader", "val_evaluator", "tta", "randomness"),
)
LONG_PREFIX, SHORT_PREFIX = "train_dataloader.dataset.pipeline.", "pipeline."
LONGEST_VALUE = 40


def difference(first: Mapping[str, Any], second: Mapping[str, Any]) -> list[tuple[str, Any, Any]]:
    """List the keys on which two runs' settings differ.

    Returns:
        ``(key, value in first, value in second)`` by key, with the text ``"(absent)"`` where one has no such key.
    """
    left, right = ({key: _todays(value) for key, value in flatten(each).items()} for each in (first, second))
    return [
        (key, left.get(key, ABSENT), right.get(key, ABSENT))
        for key in sorted(left.keys() | right.keys())
        if key not in left or key not in right or left[key] != right[key]
    ]


def _todays(value: Any) -> Any:
    """Replace the former name of a registered type by today's."""
    return RENAMED_TYPES.get(value, value) if isinstance(value, str) else value


def difference_in_effect(first: Mapping[str, Any], second: Mapping[str, Any]) -> list[tuple[str, Any, Any]]:
    """List the differences that change what a run computes, leaving out :data:`PLACES`.

    >>> difference_in_effect({"lr": 0.1, "work_dir": "a"}, {"lr": 0.2, "work_dir": "b"})
    [('lr', 0.1, 0.2)]
    """
    return [entry for entry in difference(first, second) if PLACES.isdisjoint(entry[0].split("."))]


@dataclass(frozen=True)
class Change:
    """One setting that a run changed, told so that a person sees what was tried.

    Attributes:
        key: Dotted; in lists of transforms, hooks and the like an item is known by its type, not by its position.
        old: Value in the other run, ``"(absent)"`` if it has none.
        new: Value in the run, ``"(absent)"`` if it has none.
    """

    key: str
    old: Any
    new: Any

    def __str__(self) -> str:
        """Write it in a line: ``+ pipeline.Mosaic``, ``- pipeline.Resize`` or ``optimizer.lr 0.004 to 0.002``."""
        if self.old == ABSENT:
            return f"+ {self.key}" + ("" if isinstance(self.new, Mapping) else f" {_shown(self.new)}")
        if self.new == ABSENT:
            return f"- {self.key}"
        return f"{self.key} {_shown(self.old)} to {_shown(self.new)}"


def changes_made(old: Mapping[str, Any], new: Mapping[str, Any]) -> list[Change]:
    """List what a run changed against another one, each change once and by the names that people use.

    A config says many things twice: a pipeline as a variable and inside a loader, the input size of training, of
    validation and of test. Only what the runner reads counts, :data:`PARTS`, and a part that changed in the same
    way as one before it is left out.

    Args:
        old: Settings of the run that it is a change of.
        new: Settings of the run.
    """
    return list(changes_of_parts(parts_by_type(old), parts_by_type(new)))


def parts_by_type(settings: Mapping[str, Any]) -> dict[str, Any]:
    """Return what the runner reads of a run's settings, items of lists by their type."""
    return {part: _by_type(settings[part]) for part in PARTS if part in settings}


def changes_of_parts(old: Mapping[str, Any], new: Mapping[str, Any]) -> Iterator[Change]:
    """Yield what :func:`changes_made` lists, of settings as :func:`parts_by_type` returns them."""
    seen: set[tuple[str, str, str]] = set()
    for part in PARTS:
        if old.get(part) is new.get(part):
            continue
        for change in _changes(old.get(part, ABSENT), new.get(part, ABSENT), part):
            told = (change.key.partition(".")[2], repr(change.old), repr(change.new))
            if told not in seen:
                yield replace(change, key=change.key.replace(LONG_PREFIX, SHORT_PREFIX))
            seen.add(told)


def _by_type(value: Any) -> Any:
    """Turn lists of dicts with a type into dicts by type, ``Resize``, ``Resize#2`` for the next one of it."""
    if isinstance(value, Mapping):
        return {key: _by_type(item) for key, item in value.items()}
    if not isinstance(value, list | tuple):
        return _todays(value)
    if not value or not all(isinstance(item, Mapping) and "type" in item for item in value):
        return [_by_type(item) for item in value]
    by_type: dict[str, Any] = {}
    for item in value:
        name, number = str(_todays(item["type"])), 1
        while f"{name}#{number}" in by_type or (number == 1 and name in by_type):
            number += 1
        rest = {key: _by_type(part) for key, part in item.items() if key != "type"}
        by_type[name if number == 1 else f"{name}#{number}"] = rest
    return by_type


def _changes(old: Any, new: Any, key: str) -> Iterator[Change]:
    if old == new:
        return
    if not isinstance(old, Mapping) or not isinstance(new, Mapping):
        yield Change(key, old, new)
        return
    if old.get("type") != new.get("type"):
        yield Change(key, old.get("type", ABSENT), new.get("type", ABSENT))
        return  # the rest belongs to the type
    for name in [*new, *(name for name in old if name not in new)]:
        if name not in PLACES:
            yield from _changes(old.get(name, ABSENT), new.get(name, ABSENT), f"{key}.{name}")


def _shown(value: Any) -> str:
    if isinstance(value, Mapping):
        return str(value.get("type", "{...}"))
    text = f"{value:g}" if isinstance(value, float) else str(value)
    return text if len(text) <= LONGEST_VALUE else f"{text[: LONGEST_VALUE - 1]}…"
