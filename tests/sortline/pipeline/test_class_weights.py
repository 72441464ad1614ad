import itertools
import json

import pytest
from helpers import CLASSES, coco
from hypothesis import given
from hypothesis import strategies as st
from mmengine.config import Config

from sortline.pipeline.bind import bind
from sortline.pipeline.class_weights import RULES, bind_losses, check_class_weights, weights_of_counts

FOCAL = dict(type="FocalLoss", use_sigmoid=True, gamma=2.0, alpha=0.25)
SOFTMAX = dict(type="CrossEntropyLoss", use_sigmoid=False)


def head(loss, kind="RetinaHead"):
    return dict(bbox_head=dict(type=kind, loss_cls=dict(loss)))


def config(model, tmp_path, class_weights=None, **content):
    path = tmp_path / "train.json"
    path.write_text(json.dumps({**coco(), **content}))
    settings = {} if class_weights is None else dict(class_weights=class_weights)
    return Config(
        dict(
            model=model,
            metainfo=dict(classes=CLASSES),
            train_dataloader=dict(dataset=dict(type="D", ann_file=str(path))),
            **settings,
        )
    )


@pytest.mark.parametrize(
    ("rule", "ratio"),
    [
        ("inverse", 100 / 4),
        ("inverse_sqrt", (100 / 4) ** 0.5),
        ("effective_number", (1 - 0.9**100) / (1 - 0.9**4)),
    ],
)
def test_the_rules(rule, ratio):
    common, rare = weights_of_counts([100, 4], rule, beta=0.9)
    assert rare / common == pytest.approx(ratio, rel=1e-3)


@given(
    counts=st.lists(st.integers(0, 3000), min_size=1, max_size=12).filter(any),
    rule=st.sampled_from(RULES),
    beta=st.floats(0, 0.9999),
)
def test_the_mean_box_weighs_1_and_rarer_classes_more(counts, rule, beta):
    weights = weights_of_counts(counts, rule, beta)
    mean = sum(count * weight for count, weight in zip(counts, weights, strict=True)) / sum(counts)
    assert mean == pytest.approx(1, rel=0.01, abs=1e-4 * max(counts))
    pairs = sorted((count, weight) for count, weight in zip(counts, weights, strict=True) if count)
    assert all(a[1] >= b[1] - 1e-4 for a, b in itertools.pairwise(pairs))
    assert all(weight == 1 for count, weight in zip(counts, weights, strict=True) if not count)


def test_binding_weighs_by_the_boxes_of_the_training_file(tmp_path):
    """Two boxes each of the first three classes: all alike. Then nine of the first: 1/3 against 1/sqrt(2)."""
    cfg = config(head(SOFTMAX, "Shared2FCBBoxHead"), tmp_path, dict(rule="inverse_sqrt"))
    bind(cfg)
    assert cfg.model.bbox_head.loss_cls.class_weight == [1.0] * 10 + [1.0]
    content = coco()
    extra = [dict(content["annotations"][0], id=100 + index) for index in range(7)]
    crowds = [dict(content["annotations"][1], id=200 + index, iscrowd=1) for index in range(50)]
    boxes = [*content["annotations"], *extra, *crowds]
    cfg = config(head(SOFTMAX, "Shared2FCBBoxHead"), tmp_path, dict(rule="inverse_sqrt"), annotations=boxes)
    (line,) = [line for line in bind(cfg) if "class weights" in line]
    scale = 13 / (9 / 9**0.5 + 2 * 2 / 2**0.5)
    first, second = round(scale / 9**0.5, 4), round(scale / 2**0.5, 4)
    assert cfg.model.bbox_head.loss_cls.class_weight == [first, second, second] + [1.0] * 8
    assert f"General trash {first:g}, Paper {second:g}" in line
    assert "model.bbox_head" in line


@pytest.mark.parametrize(("sampler", "lines"), [("ClassBalancedSampler", 1), ("DefaultSampler", 0)])
def test_weights_beside_a_sampler_of_rare_classes_are_told(tmp_path, sampler, lines):
    cfg = config(head(SOFTMAX, "Shared2FCBBoxHead"), tmp_path, dict(rule="inverse_sqrt"))
    cfg.train_dataloader.sampler = dict(type=sampler)
    assert len([line for line in bind(cfg) if "count twice" in line]) == lines


def test_sigmoid_losses_are_wrapped_and_softmax_ones_keep_their_background(tmp_path):
    model = dict(
        roi_head=dict(bbox_head=[head({**SOFTMAX, "class_weight": [1.0, 1.0, 0.1]})["bbox_head"]]),
        bbox_head=dict(type="RetinaHead", loss_cls=FOCAL),
        rpn_head=dict(type="RPNHead", loss_cls=dict(SOFTMAX)),
        teacher_config=dict(model=head(FOCAL)),
    )
    cfg = config(model, tmp_path, dict(rule="inverse_sqrt"))
    bind(cfg)
    assert cfg.model.roi_head.bbox_head[0].loss_cls.class_weight == [1.0] * 10 + [0.1]
    wrapped = cfg.model.bbox_head.loss_cls
    assert wrapped == dict(
        type="ClassWeightedLoss", loss=FOCAL, class_weight=[1.0] * 10, background=1.0, use_sigmoid=True
    )
    assert cfg.model.rpn_head.loss_cls == SOFTMAX
    assert cfg.model.teacher_config.model.bbox_head.loss_cls == FOCAL


@pytest.mark.parametrize("loss", [FOCAL, SOFTMAX])
def test_binding_twice_changes_nothing(tmp_path, loss):
    cfg = config(head(loss), tmp_path, dict(rule="inverse", background=0.5))
    bind(cfg)
    once = cfg._cfg_dict.to_dict()
    assert bind(cfg) == []
    assert cfg._cfg_dict.to_dict() == once


def test_the_background_can_be_set(tmp_path):
    cfg = config(head(SOFTMAX), tmp_path, dict(rule="inverse", background=0.5))
    bind(cfg)
    assert cfg.model.bbox_head.loss_cls.class_weight[-1] == 0.5


def test_equalised_losses_learn_the_number_of_classes(tmp_path):
    cfg = config(head(dict(type="SeesawLoss"), "Shared2FCBBoxHead"), tmp_path)
    assert "model.bbox_head.loss_cls.num_classes = 10" in bind(cfg)
    assert cfg.model.bbox_head.loss_cls.num_classes == 10


def test_a_file_that_is_not_there_is_left_to_the_data_check(tmp_path):
    cfg = config(head(FOCAL), tmp_path, dict(rule="inverse"))
    assert bind_losses(cfg, CLASSES, [str(tmp_path / "nowhere.json")]) == []
    assert cfg.model.bbox_head.loss_cls == FOCAL


@pytest.mark.parametrize(
    ("settings", "model", "message"),
    [
        (3, head(FOCAL), "is 3"),
        (dict(rule="inverse_sqr"), head(FOCAL), "did you mean 'inverse_sqrt'"),
        (dict(rule="inverse", beta=1.0), head(FOCAL), "beta"),
        (dict(rule="inverse", background=0), head(FOCAL), "background"),
        (dict(rule="inverse", bakground=1), head(FOCAL), "did you mean 'background'"),
        (dict(rule="inverse"), head(dict(type="SeesawLoss")), "balances the classes by itself"),
        (dict(rule="inverse"), head(dict(type="GHMC", use_sigmoid=True)), "GHMC takes no class weights"),
        (dict(rule="inverse"), head(SOFTMAX, "DETRHead"), "draw rare classes more often"),
        (dict(rule="inverse"), head(dict(type="QualityFocalLoss", use_sigmoid=True), "DINOHead"), "DINOHead"),
        (dict(rule="inverse"), dict(bbox_head=dict(type="SSDHead")), "no head of this model"),
    ],
)
def test_what_cannot_be_weighted_is_refused(tmp_path, settings, model, message):
    cfg = config(model, tmp_path, settings)
    assert message in "\n".join(map(str, check_class_weights(cfg)))
    before = cfg._cfg_dict.to_dict()["model"]
    bind_losses(cfg, CLASSES, [str(tmp_path / "train.json")])
    assert cfg._cfg_dict.to_dict()["model"] == before or "SeesawLoss" in str(before)
