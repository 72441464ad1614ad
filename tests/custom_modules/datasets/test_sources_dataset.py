import pytest
from helpers import CLASSES

pytestmark = pytest.mark.mm

LOAD = [dict(type="LoadImageFromFile"), dict(type="LoadAnnotations", with_bbox=True)]


@pytest.fixture
def joined(make_dataset):
    import mmdet.datasets.transforms  # noqa: F401

    from custom_modules.datasets import SourcesDataset

    root = str(make_dataset())
    leaf = dict(type="DetectionDataset", data_root=root, data_prefix=dict(img=""), metainfo=dict(classes=CLASSES))
    leaf.update(ann_file="train.json", pipeline=LOAD)
    return SourcesDataset([leaf, dict(leaf, indices=2)], ["main", "more"])


def test_each_image_names_its_source(joined):
    assert [joined.get_data_info(index)["source"] for index in range(len(joined))] == ["main"] * 6 + ["more"] * 2
    assert joined.get_data_info(7)["file_name"] == "train/0001.jpg"
    assert joined.metainfo["classes"] == CLASSES


def test_all_sources_have_one_pipeline(joined):
    assert joined.datasets[1].pipeline is joined.datasets[0].pipeline
    assert "img" in joined[7]


def test_a_pipeline_switched_late_reaches_all_sources(joined):
    from types import SimpleNamespace

    from mmdet.engine.hooks import PipelineSwitchHook
    from mmengine.logging import MMLogger

    loader = SimpleNamespace(dataset=joined)
    runner = SimpleNamespace(epoch=3, train_dataloader=loader, logger=MMLogger.get_current_instance())
    PipelineSwitchHook(3, [*LOAD, dict(type="PackDetInputs")]).before_train_epoch(runner)
    assert set(joined[0]) == set(joined[7]) == {"inputs", "data_samples"}
