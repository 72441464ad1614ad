import json

import numpy as np
import pytest
import torch
from helpers import coco

pytestmark = pytest.mark.mm


def sample(image_id, boxes_xyxy=(), labels=(), scores=()):
    """What a metric gets for one image: the dict that mmengine makes of a DetDataSample."""
    return {
        "img_id": image_id,
        "pred_instances": {
            "bboxes": torch.tensor(np.array(boxes_xyxy, dtype=np.float32).reshape(-1, 4)),
            "labels": torch.tensor(labels, dtype=torch.long),
            "scores": torch.tensor(scores, dtype=torch.float32),
        },
    }


@pytest.fixture
def metric(tmp_path):
    from custom_modules.metrics import ContestMetric

    def make(content):
        path = tmp_path / "val.json"
        path.write_text(json.dumps(content))
        return ContestMetric(str(path))

    return make


def perfect(content):
    """Detect every box of coco() exactly: image i holds a box of class i modulo three at x = 4 + i, y = 5."""
    return [
        sample(image["id"], [(4 + image["id"], 5, 34 + image["id"], 25)], [image["id"] % 3], [0.9])
        for image in content["images"]
    ]


def test_perfect_detections_score_one_on_classes_with_ground_truth(metric):
    content = coco()
    evaluator = metric(content)
    evaluator.process(None, perfect(content))
    values = evaluator.evaluate(size=6)
    assert values["contest/mAP50"] == pytest.approx(1.0)
    assert values["contest/coco_mAP"] == pytest.approx(1.0)
    named = {key for key in values if key.startswith("contest/AP50_")}
    assert named == {"contest/AP50_General trash", "contest/AP50_Paper", "contest/AP50_Paper pack"}


def test_one_class_missed_of_three(metric):
    content = coco()
    evaluator = metric(content)
    rows = [row if row["img_id"] % 3 else sample(row["img_id"]) for row in perfect(content)]
    evaluator.process(None, rows)
    assert evaluator.evaluate(size=6)["contest/mAP50"] == pytest.approx((0 + 1 + 1) / 3)


def test_no_detections_at_all_score_zero(metric):
    evaluator = metric(coco())
    evaluator.process(None, [sample(image_id) for image_id in range(6)])
    assert evaluator.evaluate(size=6)["contest/mAP50"] == 0.0


def test_a_file_without_annotations_gives_no_score(metric):
    evaluator = metric(coco(boxes=False))
    evaluator.process(None, [sample(image_id) for image_id in range(6)])
    assert evaluator.evaluate(size=6) == {}


def test_images_that_were_not_run_are_left_out_and_said(metric, caplog):
    content = coco()
    evaluator = metric(content)
    evaluator.process(None, perfect(content)[:3])
    assert evaluator.evaluate(size=3)["contest/mAP50"] == pytest.approx(1.0)
