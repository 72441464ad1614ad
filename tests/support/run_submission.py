"""A test run of a detector that finds ``img_id % 3`` boxes on each photo, in one process or several.

Run as ``python tests/support/run_submission.py WORK_DIR ANN_FILE BATCH_SIZE`` in each of several processes, with
``RANK``, ``WORLD_SIZE``, ``MASTER_ADDR`` and ``MASTER_PORT`` set.
"""

import json
import sys

import torch
from mmdet.structures import DetDataSample
from mmengine.dataset import DefaultSampler, pseudo_collate
from mmengine.evaluator import BaseMetric, Evaluator
from mmengine.model import BaseModel
from mmengine.runner import Runner
from mmengine.structures import InstanceData
from torch.utils.data import DataLoader, Dataset

import custom_modules.hooks  # noqa: F401


def expected_boxes(image_id):
    """Return labels, scores and corners of the detections on an image."""
    return [(row % 2, 0.25 * (1 + row), [row, 1, row + 10, 1 + image_id]) for row in range(image_id % 3)]


class Photos(Dataset):
    """The photos of an annotation file, in the form of mmdet's datasets."""

    metainfo = {"classes": ("a", "b")}  # noqa: RUF012
    cat_ids = (3, 5)

    def __init__(self, ann_file, indices=None):
        self.ann_file = str(ann_file)
        with open(ann_file, encoding="utf-8") as file:
            self.images = json.load(file)["images"][:indices]

    def __len__(self):
        return len(self.images)

    def __getitem__(self, index):
        image = self.images[index]
        metainfo = {"img_id": image["id"], "img_path": f"/data/{image['file_name']}"}
        return {"inputs": torch.zeros(1), "data_samples": DetDataSample(metainfo=metainfo)}


class Detector(BaseModel):
    """Finds the expected boxes."""

    def forward(self, inputs, data_samples, mode="tensor"):
        for sample in data_samples:
            found = expected_boxes(sample.img_id)
            sample.pred_instances = InstanceData(
                bboxes=torch.tensor([box for _, _, box in found], dtype=torch.float32).reshape(-1, 4),
                scores=torch.tensor([score for _, score, _ in found], dtype=torch.float32),
                labels=torch.tensor([label for label, _, _ in found], dtype=torch.long),
            )
        return data_samples


class NoMetric(BaseMetric):
    """Reports the number of images."""

    def process(self, data_batch, data_samples):
        self.results += [0] * len(data_samples)

    def compute_metrics(self, results):
        return {"images": len(results)}


def make_runner(work_dir, ann_file, batch_size, indices=None, **hook):
    """Build the runner; further options go to the hook."""
    dataset = Photos(ann_file, indices)
    sampler = DefaultSampler(dataset, shuffle=False)
    loader = DataLoader(dataset, batch_size=batch_size, sampler=sampler, collate_fn=pseudo_collate)
    return Runner(
        model=Detector(),
        work_dir=str(work_dir),
        val_dataloader=loader,
        val_cfg={},
        val_evaluator=Evaluator([NoMetric()]),
        test_dataloader=loader,
        test_cfg={},
        test_evaluator=Evaluator([NoMetric()]),
        default_hooks={"submission": {"type": "SubmissionHook", **hook}},
        default_scope="mmengine",
    )


if __name__ == "__main__":
    # mmengine's own launcher asks for a GPU.
    torch.distributed.init_process_group("gloo")
    make_runner(sys.argv[1], sys.argv[2], int(sys.argv[3])).test()
    torch.distributed.destroy_process_group()
