from mmengine.config import Config

from custom_modules.config.compare import difference, flatten


def test_flatten_addresses_lists_of_dicts_by_index_and_keeps_plain_lists():
    nested = {"a": {"b": [1, {"c": 2}], "d": [3, 4]}, "e": {}}
    assert flatten(nested) == {"a.b.0": 1, "a.b.1.c": 2, "a.d": [3, 4], "e": {}}


def test_difference_lists_changed_and_absent_keys():
    first = Config({"lr": 0.1, "same": 1, "only": 2})
    second = Config({"lr": 0.2, "same": 1})
    assert difference(first, second) == [("lr", 0.1, 0.2), ("only", 2, "(absent)")]
    assert difference(first, first) == []
