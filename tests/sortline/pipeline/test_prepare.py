"""A frozen config is read like any other and changed by nobody; a deep copy of it is an ordinary config."""

import copy

import pytest
from mmengine.config import Config, ConfigDict

from sortline.pipeline.prepare import freeze


@pytest.fixture
def frozen():
    return freeze(Config(dict(model=dict(heads=[dict(loss=1)], sizes=(1, dict(a=2))), lr=0.1)))


def test_it_reads_as_before(frozen):
    assert frozen.model.heads[0].loss == 1
    assert frozen.get("absent", 3) == 3
    assert frozen._cfg_dict.to_dict() == dict(model=dict(heads=[dict(loss=1)], sizes=(1, dict(a=2))), lr=0.1)
    assert "lr = 0.1" in frozen.pretty_text


@pytest.mark.parametrize(
    "change",
    [
        lambda cfg: setattr(cfg, "lr", 1),
        lambda cfg: setattr(cfg.model, "new", 1),
        lambda cfg: cfg.model.heads.append(1),
        lambda cfg: cfg.model.heads[0].pop("loss"),
        lambda cfg: cfg.model.heads[0].update(loss=2),
        lambda cfg: cfg.model.sizes[1].setdefault("b", 1),
        lambda cfg: cfg.merge_from_dict({"model.heads.0.loss": 2}),
        lambda cfg: cfg.__delitem__("lr"),
    ],
)
def test_nothing_changes_it(frozen, change):
    with pytest.raises((TypeError, AttributeError), match=r"frozen|__delitem__"):
        change(frozen)
    assert frozen._cfg_dict.to_dict() == dict(model=dict(heads=[dict(loss=1)], sizes=(1, dict(a=2))), lr=0.1)


def test_a_deep_copy_is_an_ordinary_config(frozen):
    copied = copy.deepcopy(frozen)
    assert type(copied._cfg_dict) is ConfigDict
    assert type(copied.model.heads) is list
    copied.model.heads[0].loss = 2
    copied.lr = 1
    assert frozen.model.heads[0].loss == 1
