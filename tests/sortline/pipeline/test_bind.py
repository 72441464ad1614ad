import pytest
from mmengine.config import Config

from sortline.pipeline.bind import annotation_path, bind, leaf_datasets

CLASSES = ("cup", "can", "box")


def dataset_config(**changes):
    """A config with every fact in one place, as the files of configs/_base_/datasets write it."""
    loader = dict(batch_size=2, dataset=dict(type="DetectionDataset"))
    return Config(
        dict(
            data_root="data/x",
            ann_files=dict(train="train.json", val="val.json", test="test.json"),
            metainfo=dict(classes=CLASSES),
            load_pipeline=[dict(type="Load")],
            train_pipeline=[dict(type="Load"), dict(type="Flip", prob=0.5)],
            test_pipeline=[dict(type="Load")],
            train_dataloader=loader,
            val_dataloader=loader,
            test_dataloader=loader,
            val_evaluator=dict(type="ContestMetric"),
            test_evaluator=[dict(type="ContestMetric"), dict(type="OtherMetric")],
            model=dict(bbox_head=dict(type="Head", num_classes=80)),
        )
        | changes
    )


def test_loaders_and_evaluators_read_the_same_files():
    cfg = dataset_config()
    bind(cfg)
    assert annotation_path(cfg.train_dataloader.dataset) == "data/x/train.json"
    assert cfg.val_evaluator.ann_file == annotation_path(cfg.val_dataloader.dataset) == "data/x/val.json"
    assert cfg.test_evaluator[0].ann_file == "data/x/test.json"
    assert "ann_file" not in cfg.test_evaluator[1]
    assert cfg.test_dataloader.dataset.test_mode
    assert "test_mode" not in cfg.train_dataloader.dataset


def test_an_overridden_data_root_leaves_no_stale_path():
    cfg = dataset_config(data_root="elsewhere")
    bind(cfg)
    assert "data/x" not in cfg.pretty_text


def test_an_overridden_pipeline_step_reaches_the_loader():
    cfg = dataset_config()
    cfg.merge_from_dict({"train_pipeline.1.prob": 0.1})
    bind(cfg)
    assert cfg.train_dataloader.dataset.pipeline[1].prob == 0.1
    assert cfg.val_dataloader.dataset.pipeline == [dict(type="Load")]


def test_loaders_do_not_share_pipelines():
    cfg = dataset_config()
    bind(cfg)
    cfg.val_dataloader.dataset.pipeline[0].type = "Changed"
    assert cfg.test_dataloader.dataset.pipeline[0].type == "Load"


def test_a_mixing_wrapper_gets_the_pipeline_and_its_inner_dataset_only_loads():
    inner = dict(type="DetectionDataset")
    cfg = dataset_config(train_dataloader=dict(dataset=dict(type="MultiImageMixDataset", dataset=inner)))
    bind(cfg)
    assert len(cfg.train_dataloader.dataset.pipeline) == 2
    assert cfg.train_dataloader.dataset.dataset.pipeline == [dict(type="Load")]
    assert cfg.train_dataloader.dataset.dataset.ann_file == "train.json"


def test_every_head_but_the_proposal_head_gets_the_number_of_classes():
    heads = [dict(type="Box", num_classes=80), dict(type="Box")]
    model = dict(
        backbone=dict(type="ResNet", num_classes=1000),
        rpn_head=dict(type="RPN", num_classes=1, bbox_head=dict(type="Inner", num_classes=1)),
        roi_head=dict(type="Roi", bbox_head=heads, mask_head=dict(type="Mask", num_classes=80)),
    )
    cfg = dataset_config(model=model)
    lines = bind(cfg)
    assert [head.num_classes for head in cfg.model.roi_head.bbox_head] == [3, 3]
    assert cfg.model.roi_head.mask_head.num_classes == 3
    assert cfg.model.rpn_head.num_classes == 1
    assert cfg.model.rpn_head.bbox_head.num_classes == 1
    assert cfg.model.backbone.num_classes == 1000
    assert "model.roi_head.bbox_head.0.num_classes = 3 (was 80)" in lines


@pytest.mark.parametrize("model", [dict(type="Whole", num_classes=80), dict(type="Whole", num_classes=None)])
def test_a_detector_with_a_number_of_classes_of_its_own_gets_it(model):
    cfg = dataset_config(model=model | dict(backbone=dict(type="ResNet")))
    lines = bind(cfg)
    assert cfg.model.num_classes == 3
    assert f"model.num_classes = 3 (was {model['num_classes']})" in lines
    assert "num_classes" not in cfg.model.backbone


def test_a_detector_made_of_heads_gets_no_number_of_classes():
    cfg = dataset_config(model=dict(type="Whole", bbox_head=dict(type="Head")))
    bind(cfg)
    assert "num_classes" not in cfg.model


def test_binding_twice_changes_and_says_nothing():
    cfg = dataset_config()
    bind(cfg)
    before = cfg.pretty_text
    assert bind(cfg) == []
    assert cfg.pretty_text == before


def test_what_a_loader_says_itself_is_kept():
    own = dict(type="DetectionDataset", ann_file="own.json", data_root="own", pipeline=[])
    cfg = dataset_config(val_dataloader=dict(dataset=own))
    bind(cfg)
    assert cfg.val_evaluator.ann_file == "own/own.json"
    assert cfg.val_dataloader.dataset.pipeline == []


def test_a_config_without_dataset_facts_is_left_alone():
    cfg = Config(dict(train_dataloader=dict(dataset=dict(type="CocoDataset", ann_file="a.json"))))
    assert bind(cfg) == []


def test_leaf_datasets_walks_all_wrappers():
    leaves = [dict(type="A"), dict(type="B")]
    wrapped = Config(dict(d=dict(type="Repeat", dataset=dict(type="Concat", datasets=leaves)))).d
    assert [leaf.type for leaf in leaf_datasets(wrapped)] == ["A", "B"]


def test_without_workers_what_needs_them_is_switched_off():
    loader = dict(num_workers=0, persistent_workers=True, prefetch_factor=4, dataset=dict(type="D"))
    cfg = Config(dict(train_dataloader=loader, val_dataloader={**loader, "num_workers": 2}))
    lines = bind(cfg)
    assert (cfg.train_dataloader.persistent_workers, cfg.train_dataloader.prefetch_factor) == (False, None)
    assert (cfg.val_dataloader.persistent_workers, cfg.val_dataloader.prefetch_factor) == (True, 4)
    assert [line for line in lines if "since num_workers is 0" in line] == [
        "train_dataloader.persistent_workers = False, since num_workers is 0 (was True)",
        "train_dataloader.prefetch_factor = None, since num_workers is 0 (was 4)",
    ]
