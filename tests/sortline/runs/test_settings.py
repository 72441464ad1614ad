import doctest

from sortline.nested import flatten
from sortline.runs import settings
from sortline.runs.settings import changes_made, difference, difference_in_effect


def test_examples_hold():
    assert doctest.testmod(settings).failed == 0


def test_flatten_addresses_lists_of_dicts_by_index_and_keeps_plain_lists():
    nested = {"a": {"b": [1, {"c": 2}], "d": [3, 4]}, "e": {}}
    assert flatten(nested) == {"a.b.0": 1, "a.b.1.c": 2, "a.d": [3, 4], "e": {}}


def test_difference_lists_changed_and_absent_keys():
    first = {"lr": 0.1, "same": 1, "only": 2}
    second = {"lr": 0.2, "same": 1}
    assert difference(first, second) == [("lr", 0.1, 0.2), ("only", 2, "(absent)")]
    assert difference(first, first) == []
    assert difference({}, second) == [("lr", "(absent)", 0.2), ("same", "(absent)", 1)]


def test_where_a_run_happens_is_no_difference_in_effect():
    first = {"train_dataloader": {"num_workers": 2, "dataset": {"data_root": "a"}}, "visualizer": {"name": "v"}}
    assert difference_in_effect(first, {"train_dataloader": {"batch_size": 3}}) == [
        ("train_dataloader.batch_size", "(absent)", 3)
    ]


def told(old, new):
    return [str(change) for change in changes_made(old, new)]


def pipeline(*transforms):
    return {"train_dataloader": {"dataset": {"pipeline": list(transforms)}}}


def test_a_change_is_told_by_types_and_not_by_positions():
    resize, flip = {"type": "Resize", "scale": [640, 640]}, {"type": "RandomFlip", "prob": 0.5}
    mosaic = {"type": "Mosaic", "prob": 1.0}
    assert told(pipeline(resize, flip), pipeline(mosaic, resize, {**flip, "prob": 0.3})) == [
        "+ pipeline.Mosaic",
        "pipeline.RandomFlip.prob 0.5 to 0.3",
    ]
    assert told(pipeline(resize, flip), pipeline(flip)) == ["- pipeline.Resize"]
    assert told(pipeline(flip, flip), pipeline(flip, {**flip, "prob": 0.1})) == [
        "pipeline.RandomFlip#2.prob 0.5 to 0.1"
    ]


def test_another_type_is_one_change():
    old = {"optim_wrapper": {"optimizer": {"type": "SGD", "lr": 0.02, "momentum": 0.9}}}
    new = {"optim_wrapper": {"optimizer": {"type": "AdamW", "lr": 0.0002}}}
    assert told(old, new) == ["optim_wrapper.optimizer SGD to AdamW"]


def test_what_a_config_says_twice_is_told_once_and_places_not_at_all():
    loader = {"batch_size": 8, "num_workers": 2}
    old = {"train_dataloader": loader, "val_dataloader": loader, "batch": 8, "work_dir": "a", "model": {"neck": None}}
    changed = {"batch_size": 16, "num_workers": 4}
    new = {
        "train_dataloader": changed,
        "val_dataloader": changed,
        "batch": 16,
        "work_dir": "b",
        "model": {"neck": None},
    }
    assert told(old, new) == ["train_dataloader.batch_size 8 to 16"]


def test_values_are_short_and_parts_come_and_go():
    assert told({}, {"load_from": "weights.pth"}) == ["+ load_from weights.pth"]
    assert told({"load_from": "weights.pth"}, {}) == ["- load_from"]
    assert told({"load_from": None}, {"load_from": "x" * 60}) == [f"load_from None to {'x' * 39}…"]
    assert told({"tta": {"scales": [1.0]}}, {"tta": {"scales": [1.0, 1.2]}}) == ["tta.scales [1.0] to [1.0, 1.2]"]


def test_a_type_known_by_its_former_name_is_no_change():
    old, new = (
        {"train_dataloader": {"dataset": {"type": name, "filter_cfg": {"min_size": size}}}}
        for name, size in (("RecycleDataset", 1), ("DetectionDataset", 2))
    )
    change = "train_dataloader.dataset.filter_cfg.min_size"
    assert difference_in_effect(old, new) == [(change, 1, 2)]
    assert list(map(str, changes_made(old, new))) == [f"{change} 1 to 2"]
