"""Transforms that keep photos of earlier samples, such as mmdet's CachedMosaic, in runs that are resumed."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

HOLDERS = ("dataset", "datasets", "pipeline", "transforms")


def caching_transforms(dataset: Any) -> list[Any]:
    """List the transforms of a dataset, and of those that it is made of, that keep photos."""
    found = {id(part): part for part in _parts(dataset) if isinstance(getattr(part, "results_cache", None), list)}
    return list(found.values())


def _parts(node: Any) -> Iterator[Any]:
    """Walk through datasets, pipelines and transforms."""
    if isinstance(node, list | tuple):
        for item in node:
            yield from _parts(item)
        return
    yield node
    for name in HOLDERS:
        yield from _parts(vars(node).get(name, ()) if hasattr(node, "__dict__") else ())


def samples_behind(dataset: Any) -> int:
    """Count the samples before one that decide on what it is mixed with.

    Each cache holds the last samples that came to it, which earlier transforms may have mixed with those of theirs.
    """
    return sum(transform.max_cached_images for transform in caching_transforms(dataset))


def forget_photos(dataset: Any) -> None:
    """Empty the caches."""
    for transform in caching_transforms(dataset):
        transform.results_cache.clear()
