"""Settings come back from JSON with their own types, without what was hidden."""

import json
import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sortline.runs.recorded_settings import LOST, record_settings, restore_settings, settings_hash, without_hidden

LEAVES = st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text("ab/~.0(", max_size=3)
KEYS = st.text("ab/~.01", max_size=3)
SETTINGS = st.dictionaries(
    KEYS,
    st.recursive(
        LEAVES,
        lambda inner: (
            st.lists(inner, max_size=3) | st.lists(inner, max_size=3).map(tuple) | st.dictionaries(KEYS, inner)
        ),
        max_leaves=8,
    ),
    max_size=4,
)


@given(SETTINGS)
def test_settings_come_back_equal_through_json(settings):
    recorded, kinds = json.loads(json.dumps(record_settings(settings), allow_nan=False))
    assert repr(restore_settings(recorded, kinds)) == repr(settings)


def test_sets_and_not_a_number_come_back():
    restored = restore_settings(*record_settings({"names": {"a"}, "thr": math.nan, "pairs": [({"b"}, 1)]}))
    assert restored["names"] == {"a"}
    assert math.isnan(restored["thr"])
    assert restored["pairs"] == [({"b"}, 1)]


def test_what_cannot_come_back_is_noted():
    assert record_settings({"type": dict, "ids": {1: "a"}, "fine": 1})[1] == {LOST: ["/type", "/ids"]}


@pytest.mark.parametrize("kinds", [{"tuple": ["/b"]}, {"tuple": ["/a/5"]}, {"tuple": ["/a/0/x"]}, {"float": ["/a"]}])
def test_pointers_that_do_not_fit_are_refused(kinds):
    with pytest.raises((KeyError, IndexError, ValueError, TypeError)):
        restore_settings({"a": [1, 2]}, kinds)


def test_hidden_values_are_left_out_wherever_they_are():
    settings, _ = record_settings(
        {
            "init_kwargs": {"api_key": "s3cret", "name": "run"},
            "secrets": ["s3cret", "other"],
            "sources": ({"url": "https://me:s3cret@host/x"},),
        }
    )
    kept, dropped = without_hidden(settings)
    assert kept == {"init_kwargs": {"name": "run"}, "sources": [{"url": "https://host/x"}]}
    assert dropped == ["init_kwargs.api_key", "secrets", "sources.0.url"]


def test_the_hash_is_of_what_counts():
    first = settings_hash({"lr": 0.1, "work_dir": "a", "loader": {"num_workers": 2, "batch_size": 4}})
    assert first == settings_hash({"loader": {"batch_size": 4, "num_workers": 8}, "work_dir": "b", "lr": 0.1})
    assert first != settings_hash({"lr": 0.2, "work_dir": "a", "loader": {"num_workers": 2, "batch_size": 4}})
