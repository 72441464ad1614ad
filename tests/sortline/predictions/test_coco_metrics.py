import contextlib
import io

import numpy as np
import pytest
from helpers import ROOT, coco
from pycocotools.coco import COCO
from pycocotools.cocoeval import COCOeval

from sortline.data.annotations import read_annotations
from sortline.predictions.coco_metrics import METRICS, evaluate_coco, id_ranks
from sortline.predictions.results import Results

REAL_DATA = ROOT.parent / "shared" / "data" / "taco-recycle" / "train.json"


def pycocotools_evaluation(annotations, results):
    """The reference, evaluated. Its ids start at 1: it takes a match with 0 for none."""
    truth = COCO()
    rows = [
        {"iscrowd": 0, "area": row["bbox"][2] * row["bbox"][3], **row, "id": number}
        for number, row in enumerate(annotations["annotations"], 1)
    ]
    with contextlib.redirect_stdout(io.StringIO()):
        truth.dataset = {**annotations, "info": {}, "annotations": rows}
        truth.createIndex()
        columns = (results.image_ids, results.bboxes_xywh, results.scores, results.category_ids)
        evaluation = COCOeval(truth, truth.loadRes(np.column_stack(columns)), "bbox")
        evaluation.evaluate()
        evaluation.accumulate()
        evaluation.summarize()
    return evaluation


def minus_one(value):
    """The reference's way to write None."""
    return -1.0 if value is None else value


def detect(annotations, rng, per_image=20):
    """Detections around the ground truth and anywhere, with scores that often tie."""
    rows = [row for row in annotations["annotations"] for _ in range(3)]
    boxes = np.array([row["bbox"] for row in rows]) * rng.normal(1, 0.08, (len(rows), 4))
    image_ids = np.array([image["id"] for image in annotations["images"]])
    known = np.array([category["id"] for category in annotations["categories"]])
    number = per_image * len(image_ids)
    return Results.concatenate(
        [
            Results.from_arrays(
                [row["image_id"] for row in rows],
                [row["category_id"] for row in rows],
                np.abs(boxes) + 1e-3,
                rng.random(len(rows)).round(1),
            ),
            Results.from_arrays(
                np.repeat(image_ids, per_image),
                rng.choice(known, number),
                rng.uniform(1, 60, (number, 4)),
                rng.random(number),
            ),
        ]
    )


def random_annotations(rng, images=25, boxes=120):
    """Boxes of all three sizes, some of them crowd regions; the last class has none."""
    data = coco(images=images, boxes=False)
    sizes = 2 ** rng.uniform(2, 8, (boxes, 2))
    data["annotations"] = [
        {
            "id": number,
            "image_id": int(rng.integers(images)),
            "category_id": int(rng.integers(9)),
            "bbox": [*rng.uniform(0, 50, 2).tolist(), *size.tolist()],
            "area": float(size.prod()),
            "iscrowd": int(rng.random() < 0.1),
        }
        for number, size in enumerate(sizes)
    ]
    return data


def assert_parity(annotations, results):
    expected = pycocotools_evaluation(annotations, results)
    found = evaluate_coco(annotations, results)
    assert list(map(minus_one, found.metrics.values())) == pytest.approx(expected.stats[:6].tolist(), abs=1e-9)
    assert list(found.metrics) == list(METRICS)
    # All areas, 100 detections; -1 throughout for a class without ground truth.
    of_class = expected.eval["precision"][..., 0, -1].mean(axis=(0, 1)).tolist()
    assert list(map(minus_one, found.class_aps)) == pytest.approx(of_class, abs=1e-9)
    return found.metrics


@pytest.mark.parametrize("seed", range(5))
def test_it_equals_pycocotools_on_random_data(seed):
    rng = np.random.default_rng(seed)
    annotations = random_annotations(rng)
    found = assert_parity(annotations, detect(annotations, rng))
    assert all(value is not None and 0.05 < value < 0.95 for value in found.values())


def test_it_equals_pycocotools_on_real_annotations():
    if not REAL_DATA.is_file():
        pytest.skip("needs the shared data set taco-recycle")
    annotations = read_annotations(REAL_DATA)
    assert_parity(annotations, detect(annotations, np.random.default_rng(0), per_image=30))


def test_only_the_best_hundred_of_an_image_and_class_count():
    annotations = coco(images=1)
    bbox = annotations["annotations"][0]["bbox"]
    wrong = [[0, 0, 1, 1]] * 100
    results = Results.from_arrays([0] * 101, [0] * 101, [*wrong, bbox], np.linspace(1, 0.5, 101))
    assert evaluate_coco(annotations, results).metrics["AP50"] == 0
    assert evaluate_coco(annotations, results.take(np.arange(1, 101))).metrics["AP50"] == pytest.approx(1 / 100)


def test_ids_may_be_any_whole_numbers():
    annotations = coco(images=3)
    large = 2**62
    moved = coco(images=3)
    for image in moved["images"]:
        image["id"] += large
    for category in moved["categories"]:
        category["id"] = -category["id"] * 10**12
    for row in moved["annotations"]:
        row["image_id"] += large
        row["category_id"] *= -(10**12)
    results = detect(annotations, np.random.default_rng(0))
    moved_results = Results(
        results.image_ids + large, results.category_ids * -(10**12), *list(vars(results).values())[2:]
    )
    expected, found = evaluate_coco(annotations, results), evaluate_coco(moved, moved_results)
    assert found.metrics == pytest.approx(expected.metrics)
    # The ids now fall, yet classes keep the file's order.
    assert found.class_aps == pytest.approx(expected.class_aps)
    assert len(set(expected.class_aps)) == 4


def test_no_detections_score_zero():
    # 600 square pixels are a small box: nothing to score among the medium and large ones.
    expected = {"mAP": 0.0, "AP50": 0.0, "AP75": 0.0, "APs": 0.0, "APm": None, "APl": None}
    assert evaluate_coco(coco(), Results.empty()).metrics == expected


def test_no_ground_truth_gives_none():
    annotations = coco(boxes=False)
    some = Results.from_arrays([0], [0], [[0, 0, 5, 5]], [0.5])
    assert set(evaluate_coco(annotations, some).metrics.values()) == {None}
    assert set(evaluate_coco(annotations, Results.empty()).metrics.values()) == {None}


def test_nothing_is_printed(capfd):
    evaluate_coco(coco(), Results.empty())
    assert capfd.readouterr() == ("", "")


def test_ranks_count_from_zero():
    assert id_ranks([30, -5, 7], [{"id": 7}, {"id": 30}, {"id": -5}]).tolist() == [2, 0, 1]
