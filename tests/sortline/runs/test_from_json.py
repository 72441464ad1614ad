"""Dataclasses come back equal from JSON; anything of another shape is refused."""

import doctest
import json
from dataclasses import asdict, dataclass, field

import pytest

from sortline.runs import from_json as module
from sortline.runs.from_json import from_json


@dataclass(frozen=True)
class Inner:
    name: str
    size: float = 0.0


@dataclass(frozen=True)
class Outer:
    count: int
    inner: Inner = Inner("a")
    several: list[Inner] = field(default_factory=list)
    by_name: dict[str, Inner] = field(default_factory=dict)
    maybe: int | None = None
    sure: bool | None = None


def test_what_was_written_comes_back_equal():
    outer = Outer(3, Inner("b", 1.5), [Inner("c")], {"d": Inner("e", 2)}, maybe=4, sure=True)
    assert from_json(Outer, json.loads(json.dumps(asdict(outer)))) == outer


def test_absent_fields_take_their_defaults_and_whole_numbers_serve_as_floats():
    assert from_json(Outer, {"count": 1, "inner": {"name": "x", "size": 2}}) == Outer(1, Inner("x", 2))


@pytest.mark.parametrize(
    "content",
    [
        [],
        {},
        {"count": "1"},
        {"count": 1.5},
        {"count": True},
        {"count": 1, "other": 2},
        {"count": 1, "inner": {"name": "x", "other": 1}},
        {"count": 1, "inner": "x"},
        {"count": 1, "several": {}},
        {"count": 1, "several": [1]},
        {"count": 1, "by_name": []},
        {"count": 1, "maybe": "4"},
        {"count": 1, "sure": 1},
    ],
)
def test_another_shape_is_refused(content):
    with pytest.raises(TypeError):
        from_json(Outer, content)


def test_examples_hold():
    assert doctest.testmod(module).failed == 0


@pytest.mark.parametrize("size", [float("nan"), float("inf"), 10**400, True, "1"])
def test_a_float_is_a_finite_number(size):
    with pytest.raises(TypeError):
        from_json(Inner, {"name": "x", "size": size})
