"""Facts as pictures, for trackers that have no charts and boxes of their own."""

from __future__ import annotations

import io
from collections.abc import Iterator

import numpy as np
from PIL import Image

from sortline.arrays import UInt8Array
from sortline.predictions.confusion import Confusion
from sortline.tracking.facts import Curves, Photos


def pictures(name: str, fact: Confusion | Curves | Photos) -> Iterator[tuple[str, UInt8Array]]:
    """Draw a fact.

    Args:
        name: The fact's.
        fact: What is shown.

    Yields:
        The name of each picture, the same in every epoch, and the picture, shape ``(H, W, 3)``.
    """
    # matplotlib takes half a second to import, in runs alone that draw.
    from sortline.predictions.score_charts import draw_confusion, draw_pr_curves

    if isinstance(fact, Confusion):
        yield name, _decoded(draw_confusion(fact, with_png=True).png)
    elif isinstance(fact, Curves):
        if fact.curves:
            yield name, _decoded(draw_pr_curves(fact.curves, with_png=True).png)
    else:
        counts: dict[str, int] = {}
        for photo in fact.photos:
            counts[photo.group] = counts.get(photo.group, 0) + 1
            yield f"{name}/{photo.group}_{counts[photo.group]}", photo.drawn(fact.classes)


def _decoded(png: bytes) -> UInt8Array:
    return np.asarray(Image.open(io.BytesIO(png)).convert("RGB"))
