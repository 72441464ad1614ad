"""A dataset in COCO form that raises errors where mmdet's drops boxes silently."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from mmdet.datasets import CocoDataset
from mmdet.registry import DATASETS

from sortline.data.annotations import WEIGHT, check_categories, check_weights, is_weighted, read_annotations
from sortline.errors import InputError


# The second name is that of earlier versions, which old run records and configs use.
@DATASETS.register_module(name=["DetectionDataset", "RecycleDataset"])
class DetectionDataset(CocoDataset):
    """Photos and boxes of one COCO annotation file, of any classes; a test file needs no annotations.

    mmdet's dataset accepts a file whose categories are not the config's classes without a warning: boxes of unknown
    classes are dropped, and with classes in another order the labels of the heads are wrong. Here the file's category
    names must be the config's classes, in the same order.

    Raises:
        InputError: The file is not valid COCO, its categories are not the config's classes, or weights of its pseudo
            labels are not numbers above 0 and at most 1.
    """

    METAINFO: dict[str, Any] = {}  # noqa: RUF012 (mmengine reads it from the class)

    def load_data_list(self) -> list[dict[str, Any]]:
        """Read the annotation file.

        Returns:
            One dict for each image, in the file's order: ``img_id``, ``img_path``, ``file_name``, ``height``,
            ``width`` and ``instances`` with ``bbox`` in absolute xyxy pixels, ``bbox_label`` and
            ``ignore_flag``; those of pseudo labels with their ``weight``, if they have one.
        """
        annotations = read_annotations(self.ann_file)
        problems = check_categories(annotations, self.metainfo.get("classes", ()), self.ann_file)
        problems += check_weights(annotations, self.ann_file)
        if problems:
            raise InputError(problems)
        self.cat_ids = [category["id"] for category in annotations["categories"]]
        self.cat2label = {cat_id: label for label, cat_id in enumerate(self.cat_ids)}
        self.cat_img_map: dict[int, list[int]] = {cat_id: [] for cat_id in self.cat_ids}
        by_image: dict[int, list[dict[str, Any]]] = {image["id"]: [] for image in annotations["images"]}
        for annotation in annotations.get("annotations", []):
            by_image[annotation["image_id"]].append(annotation)
            self.cat_img_map[annotation["category_id"]].append(annotation["image_id"])
        return [self._sample(image, by_image[image["id"]]) for image in annotations["images"]]

    def _sample(self, image: dict[str, Any], annotations: list[dict[str, Any]]) -> dict[str, Any]:
        for annotation in annotations:
            # mmdet leaves out boxes whose area is 0; not every file has the key.
            annotation.setdefault("area", annotation["bbox"][2] * annotation["bbox"][3])
            annotation.setdefault("iscrowd", 0)
        raw = {"raw_img_info": {**image, "img_id": image["id"]}, "raw_ann_info": annotations}
        sample = {**self.parse_data_info(raw), "file_name": image["file_name"]}
        if any(map(is_weighted, annotations)):
            sample["instances"] = list(self._weighted_instances(raw))
        return sample

    def _weighted_instances(self, raw: dict[str, Any]) -> Iterator[dict[str, Any]]:
        """Parse box by box: mmdet's parser skips some boxes, so its list can't be matched with the weights."""
        for annotation in raw["raw_ann_info"]:
            for instance in self.parse_data_info({**raw, "raw_ann_info": [annotation]})["instances"]:
                yield {**instance, WEIGHT: annotation[WEIGHT]} if is_weighted(annotation) else instance
