"""How a trial reports what it found."""

from __future__ import annotations

import pytest

pytestmark = pytest.mark.mm


def test_a_working_config_is_reported_with_its_ops():
    from families.trial import Trial, try_config

    config = "faster-rcnn_r50_fpn_1x_coco"
    assert try_config("faster_rcnn", config) == Trial("faster_rcnn", config, ("nms", "roi_align"))


def test_a_failing_one_with_the_first_line_of_its_error(monkeypatch: pytest.MonkeyPatch):
    from families import trial

    def fail(family: str, config: str) -> None:
        raise ValueError("the loss is NaN\nand more")

    monkeypatch.setattr(trial, "train_and_predict", fail)
    assert trial.try_config("atss", "x").problem == "ValueError: the loss is NaN"


def test_a_loss_that_is_not_finite_is_a_failure(monkeypatch: pytest.MonkeyPatch):
    import torch
    from mmdet.models.losses import FocalLoss

    from families.trial import train_and_predict

    forward = FocalLoss.forward
    monkeypatch.setattr(FocalLoss, "forward", lambda self, *args, **kwargs: forward(self, *args, **kwargs) * torch.inf)
    with pytest.raises(ValueError, match="not finite"):
        train_and_predict("retinanet", "retinanet_r50_fpn_1x_coco")


def test_families_that_cannot_be_tried_are_refused_together():
    from families.trial import try_families
    from sortline.errors import InputError

    with pytest.raises(InputError) as caught:
        try_families(["glip", "yolocks"])
    assert [problem.where for problem in caught.value.problems] == ["--family glip", "--family yolocks"]
    assert "language model" in caught.value.problems[0].what
    assert "'yolox'" in caught.value.problems[1].remedy


@pytest.mark.parametrize("masks", [True, False])
def test_a_batch_holds_objects_inside_its_photos(masks: bool):
    from families.batch import make_batch

    batch = make_batch((128, 96), classes=2, masks=masks)
    assert [photo.shape for photo in batch["inputs"]] == [(3, 96, 128), (3, 96, 128)]
    found = [sample.gt_instances for sample in batch["data_samples"]]
    assert [one.labels.tolist() for one in found] == [[0, 1, 0], [0, 1]]
    for one in found:
        assert (one.bboxes.tensor[:, :2] >= 0).all()
        assert (one.bboxes.tensor[:, 2] <= 128).all()
        assert (one.bboxes.tensor[:, 3] <= 96).all()
        assert ("masks" in one) is masks
