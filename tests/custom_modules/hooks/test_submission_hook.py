"""A test ends with the predictions of every image, whatever the batch size and the number of processes."""

import csv
import json
import os
import socket
import subprocess
import sys
from pathlib import Path
from types import SimpleNamespace
from unittest.mock import MagicMock

import pytest

torch = pytest.importorskip("torch")
pytest.importorskip("mmdet")

from mmdet.structures import DetDataSample  # noqa: E402
from mmdet.structures.bbox import HorizontalBoxes  # noqa: E402
from mmengine.structures import InstanceData  # noqa: E402
from run_submission import Photos, expected_boxes, make_runner  # noqa: E402

from custom_modules.hooks import SubmissionHook  # noqa: E402
from custom_modules.hooks.submission_hook import leaf_dataset  # noqa: E402
from sortline.errors import InputError  # noqa: E402

pytestmark = pytest.mark.mm

ROOT = Path(__file__).resolve().parents[3]
# Neither sorted by id nor by name; ids 21 and 9 leave their photos without boxes, since 21 % 3 == 9 % 3 == 0.
IMAGE_IDS = (20, 21, 4, 100, 9)
CATEGORY_IDS = Photos.cat_ids


@pytest.fixture
def ann_file(tmp_path):
    images = [
        {"id": image_id, "file_name": f"test/{row}.jpg", "width": 200, "height": 200}
        for row, image_id in enumerate(IMAGE_IDS)
    ]
    categories = [{"id": category, "name": name} for category, name in zip(CATEGORY_IDS, "ab", strict=True)]
    path = tmp_path / "test.json"
    path.write_text(json.dumps({"images": images, "categories": categories}))
    return path


def check_files(work_dir):
    """Both files must hold what the detector finds, in the annotation file's order."""
    results = json.loads((work_dir / "predictions" / "test.bbox.json").read_text())
    assert results == [
        {
            "image_id": image_id,
            "category_id": CATEGORY_IDS[label],
            "bbox": [left, top, right - left, bottom - top],
            "score": score,
        }
        for image_id in IMAGE_IDS
        for label, score, (left, top, right, bottom) in expected_boxes(image_id)
    ]
    with open(work_dir / "submission.csv", newline="", encoding="utf-8") as file:
        rows = list(csv.DictReader(file))
    assert [row["image_id"] for row in rows] == [f"test/{row}.jpg" for row in range(len(IMAGE_IDS))]
    counts = [len(row["PredictionString"].split()) // 6 for row in rows]
    assert counts == [len(expected_boxes(image_id)) for image_id in IMAGE_IDS]


def sample(image_id, corners=(), wrap=lambda boxes: boxes, dtype=torch.float32):
    """Make what a detector returns for one image."""
    boxes = torch.tensor(corners, dtype=dtype).reshape(-1, 4)
    found = InstanceData(
        bboxes=wrap(boxes),
        scores=torch.full((len(boxes),), 0.3, dtype=dtype),
        labels=torch.zeros(len(boxes), dtype=torch.long),
    )
    return DetDataSample(metainfo={"img_id": image_id}, pred_instances=found)


def test_each_test_starts_with_nothing():
    hook = SubmissionHook()
    hook.after_test_iter(MagicMock(), 0, outputs=[sample(1)])
    hook.before_test_epoch(MagicMock())
    hook.after_test_iter(MagicMock(), 0, outputs=[sample(2), sample(3)])
    assert [found.image_id for found in hook._detections] == [2, 3]


def test_validation_is_kept_only_when_asked_for():
    for val in (False, True):
        hook = SubmissionHook(val=val)
        hook.after_val_iter(MagicMock(), 0, outputs=[sample(1)])
        assert len(hook._detections) == int(val)


@pytest.mark.parametrize("wrap", [torch.clone, HorizontalBoxes], ids=["tensor", "mmdet's-boxes"])
@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16, torch.float32])
def test_boxes_keep_their_values_in_any_precision_and_wrapping(dtype, wrap):
    corners = [[0.1, 0.2, 1.5, 2.5]]
    hook = SubmissionHook()
    hook.after_test_iter(MagicMock(), 0, outputs=[sample(1, corners, wrap, dtype)])
    (kept,) = hook._detections
    assert kept.bboxes_xyxy.tolist() == torch.tensor(corners, dtype=dtype).double().tolist()
    assert kept.scores.tolist() == torch.tensor([0.3], dtype=dtype).double().tolist()


@pytest.mark.parametrize("batch_size", [1, 2, 5, 8])
def test_any_batch_size(tmp_path, ann_file, batch_size):
    make_runner(tmp_path / "run", ann_file, batch_size).test()
    check_files(tmp_path / "run")


def free_port():
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        return free.getsockname()[1]


def test_two_processes(tmp_path, ann_file):
    """Five images over two processes, in batches of two: one image is tested twice."""
    env = {
        **os.environ,
        "OMP_NUM_THREADS": "1",
        "WORLD_SIZE": "2",
        "MASTER_ADDR": "127.0.0.1",
        "MASTER_PORT": str(free_port()),
    }
    command = [sys.executable, "tests/support/run_submission.py", str(tmp_path / "run"), str(ann_file)]
    processes = [
        subprocess.Popen(
            [*command, "2"],
            cwd=ROOT,
            env={**env, "RANK": str(rank), "PYTHONPATH": str(ROOT)},
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )
        for rank in range(2)
    ]
    for process in processes:
        output, _ = process.communicate(timeout=120)
        assert process.returncode == 0, output
    check_files(tmp_path / "run")


def test_images_never_seen_are_an_error_and_nothing_is_written(tmp_path, ann_file):
    with pytest.raises(InputError, match=r"never saw 2 of its 5 images: test/3\.jpg, test/4\.jpg"):
        make_runner(tmp_path / "run", ann_file, 2, indices=3).test()
    assert not (tmp_path / "run" / "predictions").exists()
    assert not (tmp_path / "run" / "submission.csv").exists()


def test_a_few_images_do_when_allowed(tmp_path, ann_file):
    make_runner(tmp_path / "run", ann_file, 2, indices=3, allow_missing=True).test()
    assert len((tmp_path / "run" / "submission.csv").read_text().splitlines()) == 1 + len(IMAGE_IDS)


def test_submission_can_be_left_out(tmp_path, ann_file):
    make_runner(tmp_path / "run", ann_file, 2, submission=False).test()
    assert [path.name for path in (tmp_path / "run" / "predictions").iterdir()] == ["test.bbox.json"]
    assert not (tmp_path / "run" / "submission.csv").exists()


def test_validation_writes_results_only(tmp_path, ann_file):
    make_runner(tmp_path / "run", ann_file, 2, val=True).val()
    assert [path.name for path in (tmp_path / "run" / "predictions").iterdir()] == ["val.bbox.json"]
    assert not (tmp_path / "run" / "submission.csv").exists()


def test_wrappers_are_followed_to_the_annotation_file(ann_file):
    photos = Photos(ann_file)
    assert leaf_dataset(SimpleNamespace(dataset=SimpleNamespace(datasets=[photos])), "test_dataloader") is photos


def test_several_annotation_files_are_refused(ann_file):
    joined = SimpleNamespace(datasets=[Photos(ann_file), Photos(ann_file)])
    with pytest.raises(InputError, match="joins 2 annotation files"):
        leaf_dataset(joined, "test_dataloader")
