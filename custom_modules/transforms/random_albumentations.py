"""Transforms of albumentations in mmdet's pipelines."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from mmcv.transforms import BaseTransform
from mmdet.registry import TRANSFORMS
from mmdet.structures.bbox import autocast_box_type
from mmdet.structures.mask import BitmapMasks, PolygonMasks

from custom_modules.transforms.samples import box_array, keep_objects
from sortline.errors import InputError, Problem, nearest


def _library() -> Any:
    try:
        import albumentations
    except ImportError as error:
        remedy = "pip install -r requirements.txt, or leave the recipe out: recipe_albumentations = None"
        raise InputError(
            Problem("RandomAlbumentations", f"albumentations can't be imported: {error}", remedy)
        ) from None
    return albumentations


def build_transform(settings: dict[str, Any], place: str) -> Any:
    """Build one transform of albumentations from a config's dict, with those inside ``OneOf`` and similar ones.

    Args:
        settings: ``type`` and arguments, with albumentations' names.
        place: Its place in the config, for messages.

    Raises:
        InputError: There is no such transform, or it does not accept the arguments.
    """
    library = _library()
    arguments = dict(settings)
    name = arguments.pop("type", None)
    if not isinstance(name, str) or not hasattr(library, name):
        what = f"no transform {name!r} in albumentations {library.__version__}"
        raise InputError(Problem(place, what, nearest(str(name), dir(library))))
    if "transforms" in arguments:
        inner = arguments["transforms"]
        arguments["transforms"] = [build_transform(item, f"{place}.transforms.{i}") for i, item in enumerate(inner)]
    try:
        return getattr(library, name)(**arguments)
    except (TypeError, ValueError) as error:
        raise InputError(Problem(place, f"albumentations.{name} refuses its arguments: {error}")) from None


def _changes_pixels_only(transform: Any) -> bool:
    inner = getattr(transform, "transforms", None)
    if inner is not None:
        return all(map(_changes_pixels_only, inner))
    return isinstance(transform, _library().ImageOnlyTransform)


@TRANSFORMS.register_module()
class RandomAlbumentations(BaseTransform):
    """Applies transforms of albumentations with random numbers that follow numpy's global seed.

    A replacement for mmdet's ``Albu``: albumentations draws from generators of its own, which ``Albu`` does not seed,
    so that runs can't be repeated and forked workers all draw the same numbers. Photos are passed as RGB, as CLAHE and
    changes of hue expect. Transforms that move pixels move boxes and masks too: boxes are clipped to the photo, and an
    object with less than ``min_visible`` of its box left is removed with its label and mask.

    Args:
        transforms: Dicts of ``type`` and arguments, with albumentations' names.
        min_visible: Smallest share of its box that an object must keep.

    Raises:
        InputError: albumentations is not installed or refuses a transform; all problems together.
    """

    def __init__(self, transforms: Sequence[dict[str, Any]], min_visible: float = 0.1) -> None:
        self.settings, self.min_visible = list(transforms), min_visible
        problems, built = [], []
        for index, settings in enumerate(self.settings):
            try:
                built.append(build_transform(settings, f"RandomAlbumentations.transforms.{index}"))
            except InputError as error:
                problems += error.problems
        if problems:
            raise InputError(problems)
        library = _library()
        self.pixels_only = all(map(_changes_pixels_only, built))
        params = library.BboxParams("pascal_voc", label_fields=["rows"], min_visibility=min_visible, clip=True)
        self.compose = library.Compose(built, bbox_params=None if self.pixels_only else params)

    @autocast_box_type()
    def transform(self, results: dict[str, Any]) -> dict[str, Any]:
        """Transform the photo and, if pixels move, boxes and masks."""
        self.compose.set_random_seed(int(np.random.randint(2**31)))
        image = np.ascontiguousarray(results["img"][..., ::-1])
        image = self.compose(image=image)["image"] if self.pixels_only else self._move(results, image)
        results["img"] = np.ascontiguousarray(image[..., ::-1])
        results["img_shape"] = results["img"].shape[:2]
        return results

    def _move(self, results: dict[str, Any], image: np.ndarray) -> np.ndarray:
        """Transform the objects with the image; returns the image."""
        rows = np.arange(len(results["gt_bboxes"]))
        masks = results.get("gt_masks")
        if isinstance(masks, PolygonMasks):
            masks = masks.to_bitmap()
        inputs = {"image": image, "bboxes": box_array(results), "rows": rows}
        if masks is not None and len(masks):
            inputs["masks"] = masks.masks
        moved = self.compose(**inputs)
        height, width = moved["image"].shape[:2]
        if masks is not None:
            stack = np.asarray(moved.get("masks", np.zeros((0, height, width))), dtype=np.uint8)
            results["gt_masks"] = BitmapMasks(stack.reshape(-1, height, width), height, width)
        kept = np.asarray(moved["rows"], dtype=np.int64)  # a list of floats where no box is left
        keep_objects(results, np.isin(rows, kept))
        boxes = np.asarray(moved["bboxes"], dtype=np.float32).reshape(-1, 4)
        order = np.argsort(kept)
        results["gt_bboxes"] = type(results["gt_bboxes"])(boxes[order])
        return moved["image"]

    def __repr__(self) -> str:
        return f"{type(self).__name__}(transforms={self.settings}, min_visible={self.min_visible})"
