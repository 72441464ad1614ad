import pytest
from mmengine.config import Config

from sortline.pipeline.check.training import check_training


def messages(**settings):
    return [str(problem) for problem in check_training(Config(settings))]


def model(head, loss):
    return dict(bbox_head=dict(type=head, loss_cls=dict(type=loss)))


@pytest.mark.parametrize(
    ("head", "loss"),
    [
        ("GFLHead", "FocalCrossEntropyLoss"),
        ("RTMDetSepBNHead", "FocalCrossEntropyLoss"),
        ("VFNetHead", "FocalCrossEntropyLoss"),
        ("TOODHead", "SeesawLoss"),
        ("RetinaHead", "SeesawLoss"),
        ("ATSSHead", "EQLV2BoxLoss"),
    ],
)
def test_losses_that_a_head_cannot_feed_are_refused(head, loss):
    (message,) = messages(model=model(head, loss))
    assert head in message
    assert loss in message


@pytest.mark.parametrize(
    ("head", "loss"),
    [
        ("GFLHead", "QualityFocalLoss"),
        ("RetinaHead", "FocalCrossEntropyLoss"),
        ("Shared2FCBBoxHead", "SeesawLoss"),
        ("Shared4Conv1FCBBoxHead", "EQLV2BoxLoss"),
    ],
)
def test_losses_that_fit_pass(head, loss):
    assert messages(model=model(head, loss)) == []


def test_one_average_of_the_weights_is_enough():
    ema, tail = dict(type="EMAHook"), dict(type="TailAverageHook")
    assert messages(custom_hooks=[ema], default_hooks=dict(a=None)) == []
    (message,) = messages(custom_hooks=[ema], default_hooks=dict(average=tail))
    assert "TailAverageHook, EMAHook" in message
