import doctest

from custom_modules.experiments import settings
from custom_modules.experiments.settings import difference, difference_in_effect, flatten


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
