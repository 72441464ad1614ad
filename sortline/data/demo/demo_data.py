"""The embedded dataset: drawn photos of recycling trash, in the contest's own files and shape.

The same arguments always give the same bytes, however many processes draw.
"""

from __future__ import annotations

import math
import os
import re
import tempfile
from collections.abc import Sequence
from concurrent.futures import ProcessPoolExecutor
from contextlib import ExitStack
from dataclasses import asdict, dataclass
from functools import partial
from multiprocessing import get_context
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import numpy.typing as npt

from sortline.data.demo.scene import compose
from sortline.errors import InputError, Problem, counted
from sortline.files import read_json, write_json

#: The contest's classes in its order, and how many boxes of each its train.json holds.
CLASS_COUNTS = {
    "General trash": 3966,
    "Paper": 6352,
    "Paper pack": 897,
    "Metal": 936,
    "Glass": 982,
    "Plastic": 2943,
    "Styrofoam": 1263,
    "Plastic bag": 5178,
    "Battery": 159,
    "Clothing": 468,
}
CLASSES = tuple(CLASS_COUNTS)

#: Objects drawn of even the rarest class, photos permitting, so that it can be learned and measured.
LEAST_OBJECTS = 8
MOST_OBJECTS_A_PHOTO = 12
#: Raised whenever the drawing changes, so that an older folder is made anew.
DRAWING_VERSION = 2
DESCRIPTION = "Sortline demo photos (drawn)"
ENTRIES = ("train", "test", "train.json", "test.json", "test_answers.json")
PHOTO = re.compile(r"\d{4,}\.jpg")
JPEG_QUALITY = 90
#: Below this many photos starting the processes takes longer than drawing.
PHOTOS_WORTH_A_POOL = 48
ATTEMPTS = 20


@dataclass(frozen=True)
class DemoPlan:
    """What to draw.

    Attributes:
        train: Photos with annotations.
        test: Photos without; their answers are kept beside them.
        size: Side of the square photos in pixels.
        seed: Everything random follows from it.
    """

    train: int = 680
    test: int = 120
    size: int = 320
    seed: int = 0

    def check(self) -> None:
        """Raise an InputError that names every value out of range."""
        problems = [
            Problem(f"--{name}", f"is {value}", f"give a whole number from {low} to {high:,}")
            for name, value, low, high in (
                ("train", self.train, 1, 100_000),
                ("test", self.test, 1, 100_000),
                ("size", self.size, 96, 2048),
                ("seed", self.seed, 0, 2**32 - 1),
            )
            if not low <= value <= high
        ]
        if problems:
            raise InputError(problems)

    def info(self) -> dict[str, Any]:
        """Return the ``info`` entry of the annotation files, by which a folder is recognised later."""
        return {
            "year": 2021,
            "version": str(DRAWING_VERSION),
            "description": DESCRIPTION,
            "contributor": "Sortline, tools/make_demo_data.py",
            "url": None,
            "date_created": "2021-02-02 01:10:00",
            "plan": asdict(self),
        }


def make_demo_data(out: str | os.PathLike[str], plan: DemoPlan, workers: int | None = None) -> bool:
    """Draw the dataset into the folder ``out``, whole or not at all.

    A folder that holds the same dataset already is left alone; one that holds another dataset of this kind is
    replaced.

    Args:
        out: Folder to make.
        plan: What to draw.
        workers: Processes that draw; the result does not depend on it. As many as there are cores by default.

    Returns:
        Whether anything was drawn.

    Raises:
        InputError: A value of ``plan`` is out of range, or ``out`` holds something else.
    """
    plan.check()
    target = Path(out).resolve()
    if is_made(target, plan):
        return False
    check_replaceable(target)
    target.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=target.parent, prefix=f".{target.name}.", suffix=".tmp") as scratch:
        draft, old = Path(scratch) / "new", Path(scratch) / "old"
        draft.mkdir()
        write_dataset(draft, plan, workers or len(os.sched_getaffinity(0)))
        if target.exists():
            target.rename(old)
        try:
            draft.rename(target)
        except OSError:
            if old.exists():
                old.rename(target)
            raise
    return True


def is_made(folder: Path, plan: DemoPlan) -> bool:
    """Tell whether ``folder`` holds the dataset that ``plan`` describes, complete."""
    if made_with(folder) != plan.info():
        return False
    names = [f"{split}/{index:04d}.jpg" for split in ("train", "test") for index in range(getattr(plan, split))]
    return all((folder / name).is_file() for name in [*ENTRIES[2:], *names])


def made_with(folder: Path) -> Any:
    """Return the ``info`` entry of the train.json in ``folder``; None if there is none to read."""
    try:
        content = read_json(folder / "train.json")
    except InputError:
        return None
    return content.get("info") if isinstance(content, dict) else None


def check_replaceable(folder: Path) -> None:
    """Raise an InputError if anything in ``folder`` was not made by this module."""
    remedy = "choose another folder, or empty this one"
    if folder.exists() and not folder.is_dir():
        raise InputError(Problem(str(folder), "is a file", "choose a folder"))
    held = sorted(path.name for path in folder.iterdir()) if folder.exists() else []
    info = made_with(folder)
    ours = isinstance(info, dict) and info.get("description") == DESCRIPTION
    foreign = [name for name in held if not (ours and name in ENTRIES)]
    if ours:
        photos = [path for split in ENTRIES[:2] for path in (folder / split).glob("*")]
        foreign += sorted(f"{path.parent.name}/{path.name}" for path in photos if not PHOTO.fullmatch(path.name))
    if foreign:
        raise InputError(Problem(str(folder), f"holds files that are not demo data: {counted(foreign)}", remedy))


def write_dataset(folder: Path, plan: DemoPlan, workers: int) -> None:
    """Draw both splits into an empty folder."""
    with ExitStack() as stack:
        run: Any = map
        if workers > 1 and plan.train + plan.test >= PHOTOS_WORTH_A_POOL:
            # Spawned, not forked: OpenCV and numpy have threads of their own by now.
            run = stack.enter_context(ProcessPoolExecutor(workers, mp_context=get_context("spawn"))).map
            run = partial(run, chunksize=8)
        train = draw_split(folder, "train", plan, run)
        test = draw_split(folder, "test", plan, run)
    write_json(folder / "train.json", train)
    write_json(folder / "test.json", {**test, "annotations": []})
    write_json(folder / "test_answers.json", test)


def draw_split(folder: Path, split: str, plan: DemoPlan, run: Any) -> dict[str, Any]:
    """Draw the photos of one split and return its annotation file.

    A very small split may hide its only object of a class; then it is drawn again from the next random
    stream.

    Raises:
        InputError: The split has too few photos to show every class.
    """
    (folder / split).mkdir()
    count: int = getattr(plan, split)
    for attempt in range(ATTEMPTS):
        # Test photos come from a stream of their own: no train photo is among them.
        stream = (plan.seed, ("train", "test").index(split), attempt)
        labels = share_out(np.random.default_rng(stream), count)
        draw = partial(draw_photo, folder / split, plan.size, stream)
        boxes = list(run(draw, range(count), labels))
        content = coco_content(plan, split, boxes)
        if {item["category_id"] for item in content["annotations"]} == set(range(len(CLASSES))):
            return content
    raise InputError(Problem(f"--{split} {count}", "is too few photos to show every class", "ask for more photos"))


def share_out(rng: np.random.Generator, photos: int) -> list[list[str]]:
    """Decide which objects each photo shows: 1 to 12 of them, the classes as unbalanced as the contest's.

    Every class gets :data:`LEAST_OBJECTS`, or an equal share where the photos are too few for that.
    """
    numbers = np.arange(1, MOST_OBJECTS_A_PHOTO + 1)
    weights = np.exp(-numbers / 5)
    sizes = rng.choice(numbers, photos, p=weights / weights.sum())
    while sizes.sum() < min(3 * len(CLASSES), photos * MOST_OBJECTS_A_PHOTO):
        sizes[np.argmin(sizes)] += 1
    total = int(sizes.sum())
    labels = np.repeat(np.arange(len(CLASSES)), class_quotas(total))
    rng.shuffle(labels)
    return [[CLASSES[label] for label in part] for part in np.split(labels, np.cumsum(sizes)[:-1])]


def class_quotas(total: int) -> npt.NDArray[np.int64]:
    """Divide ``total`` objects among the classes, in the contest's proportions above an equal minimum."""
    least = min(LEAST_OBJECTS, total // len(CLASSES))
    shares = np.array(list(CLASS_COUNTS.values())) / sum(CLASS_COUNTS.values())
    wanted = np.maximum(shares * total, least)
    spare = wanted - least
    exact = least + spare * (total - least * len(CLASSES)) / max(float(spare.sum()), 1e-9)
    quotas: npt.NDArray[np.int64] = np.floor(exact).astype(np.int64)
    remainders = np.argsort(-(exact - quotas), kind="stable")
    quotas[remainders[: total - int(quotas.sum())]] += 1
    return quotas


def draw_photo(
    folder: Path, size: int, stream: tuple[int, int, int], index: int, names: Sequence[str]
) -> list[tuple[int, tuple[float, float, float, float]]]:
    """Draw photo ``index`` of a split into ``folder``; return the category and the box of each annotation."""
    # Threads inside OpenCV would fight with the other processes, and win nothing on pictures this small.
    cv2.setNumThreads(1)
    photo = compose(np.random.default_rng((*stream, index)), names, size)
    bgr = cv2.cvtColor(photo.image, cv2.COLOR_RGB2BGR)
    _, encoded = cv2.imencode(".jpg", bgr, [cv2.IMWRITE_JPEG_QUALITY, JPEG_QUALITY])
    (folder / f"{index:04d}.jpg").write_bytes(encoded.tobytes())
    return [(CLASSES.index(name), box) for name, box in zip(photo.names, photo.bboxes_xywh, strict=True)]


def coco_content(
    plan: DemoPlan, split: str, boxes: Sequence[Sequence[tuple[int, tuple[float, float, float, float]]]]
) -> dict[str, Any]:
    """Put annotations into the contest's form: ids from 0, ``area`` that of the box."""
    images = [
        {
            "width": plan.size,
            "height": plan.size,
            "file_name": f"{split}/{index:04d}.jpg",
            "license": 0,
            "flickr_url": None,
            "coco_url": None,
            "date_captured": None,
            "id": index,
        }
        for index in range(len(boxes))
    ]
    rows = [(index, category, box) for index, row in enumerate(boxes) for category, box in row]
    annotations = [
        {
            "image_id": index,
            "category_id": category,
            "area": math.prod(box[2:]),
            "bbox": list(box),
            "iscrowd": 0,
            "id": number,
        }
        for number, (index, category, box) in enumerate(rows)
    ]
    return {
        "info": plan.info(),
        "licenses": [{"id": 0, "name": "Apache-2.0", "url": "https://www.apache.org/licenses/LICENSE-2.0"}],
        "images": images,
        "categories": [{"id": i, "name": name, "supercategory": name} for i, name in enumerate(CLASSES)],
        "annotations": annotations,
    }
