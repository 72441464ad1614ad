import pytest
from mmengine.config import Config

from sortline.pipeline.check import check_kinds
from sortline.pipeline.compose import load_config


@pytest.mark.parametrize(
    ("config", "where"),
    [
        (dict(custom_hooks=["EMAHook"]), "custom_hooks"),
        (dict(custom_hooks=[None]), "custom_hooks"),
        (dict(val_evaluator="ContestMetric"), "val_evaluator"),
        (dict(train_dataloader="x"), "train_dataloader"),
        (dict(train_dataloader=dict(dataset=None)), "train_dataloader.dataset"),
        (dict(train_dataloader=dict(dataset=dict(), batch_size=0)), "train_dataloader.batch_size"),
        (dict(train_dataloader=dict(dataset=dict(), batch_size="4")), "train_dataloader.batch_size"),
        (dict(train_dataloader=dict(dataset=dict(), num_workers=-1)), "train_dataloader.num_workers"),
        (dict(metainfo="x"), "metainfo"),
        (dict(metainfo=dict(classes=(1, 2))), "metainfo.classes"),
        (dict(ann_files="train.json"), "ann_files"),
        (dict(ann_files=dict(train=["train.json"])), "ann_files.train"),
        (dict(data_root=5), "data_root"),
        (dict(load_from=["a.pth"]), "load_from"),
        (dict(custom_imports="my_module"), "custom_imports"),
        (dict(randomness=3), "randomness"),
        (dict(val_fraction="0.1"), "val_fraction"),
        (dict(param_scheduler="LinearLR"), "param_scheduler"),
        (dict(train_pipeline="x"), "train_pipeline"),
        (dict(train_pipeline=[]), "train_pipeline"),
        (dict(model="RTMDet"), "model"),
        (dict(optim_wrapper="SGD"), "optim_wrapper"),
        (dict(default_hooks=dict(logger="LoggerHook")), "default_hooks.logger"),
    ],
)
def test_a_value_of_a_wrong_kind_is_named(config, where):
    (problem,) = check_kinds(Config(config))
    assert problem.where.endswith(f", {where}")


@pytest.mark.parametrize("config", [dict(), dict(train_dataloader=None, default_hooks=dict(checkpoint=None))])
def test_what_is_absent_or_none_is_no_problem(config):
    assert check_kinds(Config(config)) == []


def test_a_real_config_has_none():
    assert check_kinds(load_config("configs/yolox/yolox_s_pafpn-640_20e_recycle.py")) == []
