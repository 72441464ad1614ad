"""A transform that no seed reaches is named before training."""

import pytest
from mmengine.config import Config

from sortline.pipeline.unseeded import unseeded_lines


@pytest.mark.parametrize(
    ("config", "place"),
    [
        (dict(train_pipeline=[dict(type="Load"), dict(type="Albu")]), "train_pipeline.1"),
        (dict(train_pipeline=[dict(type="RandomApply", transforms=[dict(type="mmdet.Albu")])]), "train_pipeline.0"),
        (
            dict(train_dataloader=dict(dataset=dict(pipeline=[dict(type="Albu")]))),
            "train_dataloader.dataset.pipeline.0",
        ),
    ],
)
def test_a_transform_without_a_seed_is_named_once(config, place):
    (line,) = unseeded_lines(Config(config))
    assert line.startswith(f"warning: {place}")
    assert "Albu draws random numbers that no seed reaches" in line


def test_transforms_that_follow_the_seed_are_fine():
    pipeline = [dict(type="RandomAlbumentations", transforms=[dict(type="Blur")]), dict(type="RandomFlip")]
    assert unseeded_lines(Config(dict(train_pipeline=pipeline, test_pipeline=[dict(type="Albu")]))) == []
