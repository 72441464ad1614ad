"""The shrinker: widths divided consistently, repetitions capped, nothing pretrained, kinds of layers kept."""

from __future__ import annotations

import copy

import pytest

pytestmark = pytest.mark.mm


def retinanet() -> dict:
    from sortline.pipeline.pick import pick

    return pick("mmdet::retinanet/retinanet_r50_fpn_1x_coco.py", "model")


def types(node: object) -> list[str]:
    from shrink import parts_of

    return [part["type"] for part in parts_of(node) if "type" in part]


def test_widths_are_divided_where_written_and_where_left_to_their_default():
    from shrink import WIDTH_FACTOR, shrink_model

    model = retinanet()
    shrink_model(model)
    assert model["neck"]["in_channels"] == [width // WIDTH_FACTOR for width in (256, 512, 1024, 2048)]
    assert model["bbox_head"]["feat_channels"] == 256 // WIDTH_FACTOR
    assert model["backbone"]["base_channels"] == 64 // WIDTH_FACTOR  # mmdet's default: the config leaves it out


def test_kinds_of_layers_stay_and_pretrained_weights_go():
    from shrink import shrink_model

    model = retinanet()
    before = types({key: {**part, "init_cfg": None} for key, part in model.items() if isinstance(part, dict)})
    shrink_model(model)
    assert types(model)[1:] == before
    assert model["backbone"]["init_cfg"] is None


def test_a_whole_config_is_shrunk_in_place_and_a_shared_part_once():
    from shrink import WIDTH_FACTOR, shrink_model

    shared = dict(type="GN", num_groups=32)
    cfg = dict(model=dict(neck=dict(norm_cfg=shared), head=dict(norm_cfg=shared)), work_dir="x")
    shrink_model(cfg)
    assert shared["num_groups"] == 32 // WIDTH_FACTOR
    assert cfg["work_dir"] == "x"


@pytest.mark.parametrize(
    "in_channels", [[48, 136, 384], (384, 136, 48), 384], ids=["fine first", "coarse first", "last"]
)
def test_a_neck_takes_what_a_backbone_of_its_own_widths_returns(in_channels: list[int] | tuple[int, ...] | int):
    from mmdet.registry import MODELS
    from shrink import shrink_model

    backbone = dict(type="EfficientNet", arch="b3", out_indices=(3, 4, 5))
    cfg = dict(model=dict(backbone=backbone, neck=dict(in_channels=copy.copy(in_channels))))
    shrink_model(cfg)
    import torch

    channels = [features.shape[1] for features in MODELS.build(backbone)(torch.zeros(2, 3, 64, 64))]
    expected = {list: channels, tuple: tuple(channels[::-1]), int: channels[-1]}[type(in_channels)]
    assert cfg["model"]["neck"]["in_channels"] == expected


def test_batch_norms_across_processes_become_plain():
    from shrink import shrink_model

    cfg = dict(model=dict(a=dict(type="MMSyncBN"), b=dict(type="SyncBN", requires_grad=True)))
    shrink_model(cfg)
    assert [part["type"] for part in cfg["model"].values()] == ["BN", "BN"]


def test_models_whose_code_fixes_a_width_keep_all_of_them():
    from shrink import CAPS, shrink_model

    from sortline.pipeline.pick import pick

    model = pick("mmdet::mask_rcnn/mask-rcnn_r50-caffe-c4_1x_coco.py", "model")
    shrink_model(model)
    assert model["rpn_head"]["in_channels"] == 1024
    assert model["test_cfg"]["rpn"]["nms_pre"] == CAPS["nms_pre"]
