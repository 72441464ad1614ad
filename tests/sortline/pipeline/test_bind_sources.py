import pytest
from mmengine.config import Config

from sortline.pipeline.bind import bind, joined_node
from sortline.pipeline.check import check_kinds, check_sources
from sortline.pipeline.check.keys import check_keys
from sortline.pipeline.registered import Schema

TACO = dict(ann_file="taco.json", data_root="data/taco", weight=0.5)


def config(*sources, **changes):
    loader = dict(sampler=dict(type="DefaultSampler", shuffle=True), dataset=dict(type="DetectionDataset"))
    return Config(
        dict(
            data_root="data/x",
            ann_files=dict(train="train.json"),
            metainfo=dict(classes=("cup", "can")),
            load_pipeline=[dict(type="Load")],
            train_pipeline=[dict(type="Load"), dict(type="Flip")],
            train_sources=list(sources),
            train_dataloader=loader | changes,
        )
    )


def bound(*sources, **changes):
    cfg = config(*sources, **changes)
    return cfg.train_dataloader, bind(cfg)


def test_sources_stand_beside_the_main_file_and_are_read_like_it():
    loader, lines = bound(TACO, dict(ann_file="more.json"))
    assert loader.dataset.type == "SourcesDataset"
    assert loader.dataset.names == ["main", "taco", "more"]
    files = [(dataset.data_root, dataset.ann_file) for dataset in loader.dataset.datasets]
    assert files == [("data/x", "train.json"), ("data/taco", "taco.json"), ("data/x", "more.json")]
    for dataset in loader.dataset.datasets:
        assert dataset.type == "DetectionDataset"
        assert len(dataset.pipeline) == 2
        assert dataset.metainfo.classes == ("cup", "can")
    assert any("taco (data/taco/taco.json)" in line for line in lines)


def test_weights_need_a_sampler_that_takes_them():
    loader, lines = bound(TACO, dict(ann_file="more.json"))
    assert loader.sampler == dict(type="WeightedSampler", source_weights=dict(taco=0.5))
    assert any(line.endswith("(was DefaultSampler)") for line in lines)


def test_weights_join_those_of_classes():
    loader, _ = bound(TACO, sampler=dict(type="RepeatFactorSampler", thr=0.1))
    assert loader.sampler == dict(type="RepeatFactorSampler", thr=0.1, source_weights=dict(taco=0.5))


def test_a_sampler_that_says_its_weights_itself_keeps_them():
    own = dict(type="WeightedSampler", source_weights=dict(taco=3))
    assert bound(TACO, sampler=own)[0].sampler == own


def test_without_weights_files_are_simply_joined():
    loader, _ = bound(dict(ann_file="more.json"), sampler=dict(type="InfiniteSampler"))
    assert loader.dataset.names == ["main", "more"]
    assert loader.sampler == dict(type="InfiniteSampler")


def test_sources_go_inside_a_wrapper_that_mixes_images():
    mixing = dict(type="MultiImageMixDataset", dataset=dict(type="DetectionDataset"))
    loader, _ = bound(TACO, dataset=mixing)
    assert loader.dataset.type == "MultiImageMixDataset"
    assert len(loader.dataset.pipeline) == 2
    assert [len(dataset.pipeline) for dataset in loader.dataset.dataset.datasets] == [1, 1]
    assert joined_node(loader.dataset) is loader.dataset.dataset


def test_a_choice_among_the_main_files_images_is_not_the_sources():
    loader, _ = bound(TACO, dataset=dict(type="DetectionDataset", indices=[5, 7]))
    assert ["indices" in dataset for dataset in loader.dataset.datasets] == [True, False]


def test_binding_twice_changes_nothing():
    cfg = config(TACO)
    bind(cfg)
    before = cfg.pretty_text
    assert bind(cfg) == []
    assert cfg.pretty_text == before


@pytest.mark.parametrize("sources", [None, []])
def test_no_sources_change_nothing(sources):
    cfg = config()
    cfg.train_sources = sources
    assert check_kinds(cfg) == []
    bind(cfg)
    assert cfg.train_dataloader.dataset.type == "DetectionDataset"


@pytest.mark.parametrize(
    ("sources", "place", "text"),
    [
        ("more.json", "train_sources", "write a list of dicts"),
        (["more.json"], "train_sources", "write a list of dicts"),
        ([dict(weight=1)], "train_sources.0", "has no ann_file"),
        ([TACO, dict(ann_file="a.json", wieght=1)], "train_sources.1.wieght", "did you mean 'weight'?"),
        ([dict(ann_file="")], "train_sources.0.ann_file", "is ''"),
        ([dict(ann_file=["a.json"])], "train_sources.0.ann_file", "is ['a.json']"),
        ([dict(TACO, data_root=None)], "train_sources.0.data_root", "is None"),
        ([dict(TACO, name=3)], "train_sources.0.name", "is 3"),
        ([dict(TACO, weight=0)], "train_sources.0.weight", "is 0"),
        ([dict(TACO, weight="0.5")], "train_sources.0.weight", "is '0.5'"),
        ([dict(TACO, weight=True)], "train_sources.0.weight", "is True"),
        ([TACO, TACO], "train_sources", "several sources are called 'taco'"),
        ([dict(TACO, name="main")], "train_sources", "several sources are called 'main'"),
    ],
)
def test_what_is_wrong_with_a_source_is_named(sources, place, text):
    cfg = config()
    cfg.train_sources = sources
    (problem,) = check_kinds(cfg)
    assert problem.where == place
    assert text in str(problem)


def test_mistakes_are_reported_together():
    assert len(check_sources(config(dict(ann_file="a.json", wieght=1), dict(weight=-1)))) == 3


def test_a_misspelt_variable_is_named():
    schema = Schema({}, frozenset())
    assert check_keys(Config(dict(train_sources=[TACO])), schema) == []
    (problem,) = check_keys(Config(dict(train_source=[])), schema)
    assert problem.remedy == "did you mean 'train_sources'?"


@pytest.mark.parametrize(
    ("changes", "place", "text"),
    [
        (dict(sampler=dict(type="ClassAwareSampler")), "train_dataloader.sampler.type", "can't weigh sources"),
        (dict(dataset=dict(type="ConcatDataset", datasets=[])), "train_dataloader.dataset", "already joins"),
    ],
)
def test_a_loader_that_can_not_take_sources_is_named(changes, place, text):
    (problem,) = check_sources(config(TACO, **changes))
    assert problem.where == place
    assert text in problem.what


@pytest.mark.parametrize("loader", [None, "x", dict(dataset=None), dict(dataset=dict(dataset=None), sampler="x")])
def test_a_loader_of_a_wrong_kind_is_for_other_checks_to_name(loader):
    cfg = config(TACO)
    cfg.train_dataloader = loader
    assert check_sources(cfg) == []
