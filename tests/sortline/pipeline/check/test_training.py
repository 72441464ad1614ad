import pytest
from mmengine.config import Config

from sortline.pipeline.check.training import check_loops, check_secrets, check_training, unseeded_lines


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


@pytest.mark.parametrize(
    ("settings", "key"),
    [
        ({"init_kwargs": {"api_key": "abc"}}, "init_kwargs.api_key"),
        ({"backends": [{"type": "A"}, {"hf_token": "abc"}]}, "backends.1.hf_token"),
        ({"data_root": "https://me:abc@host/data"}, "data_root"),
        ({"mirrors": ["https://host/a", "https://me:abc@host/b"]}, "mirrors"),
    ],
)
def test_a_secret_is_named_and_not_repeated(settings, key):
    (problem,) = check_secrets(Config(settings))
    assert problem.where == key
    assert "abc" not in str(problem)
    assert "WANDB_API_KEY" in problem.remedy


def test_what_is_no_secret_passes():
    harmless = {
        "num_tokens": 3,
        "tokenizer": "bert",
        "password": "",
        "token": None,
        "url": "https://host/x",
        "secret": 1,
    }
    assert check_secrets(Config(harmless)) == []


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


@pytest.mark.parametrize(
    ("settings", "place"),
    [
        (dict(val_dataloader=dict(), val_cfg=dict(), val_evaluator=dict()), None),
        (dict(val_dataloader=None, val_cfg=None, val_evaluator=None), None),
        (dict(train_dataloader=dict(batch_size=1), train_cfg=dict(max_epochs=1)), "optim_wrapper"),
        (dict(test_dataloader=dict(batch_size=1), test_cfg=dict(), test_evaluator=None), "test_evaluator"),
        (dict(val_cfg=dict()), "val_dataloader and val_evaluator"),
    ],
)
def test_a_loop_has_all_its_parts_or_none(settings, place):
    assert [problem.where for problem in check_loops(Config(settings))] == ([place] if place else [])
