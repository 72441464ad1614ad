"""Dataclasses come back equal from JSON files; values of other types are refused."""

import doctest
from dataclasses import asdict, dataclass, field

import pytest

from sortline.errors import InputError
from sortline.files import write_json
from sortline.runs import typed_json as module
from sortline.runs.typed_json import read_dataclass


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


@pytest.fixture
def reread(tmp_path):
    def read(content):
        if not isinstance(content, str):
            write_json(tmp_path / "x.json", content)
        else:
            (tmp_path / "x.json").write_text(content)
        return read_dataclass(tmp_path / "x.json", Outer, "is not a thing", "make it again")

    return read


def test_what_was_written_comes_back_equal(reread):
    outer = Outer(3, Inner("b", 1.5), [Inner("c")], {"d": Inner("e\ud800", 2)}, maybe=4, sure=True)
    assert reread(asdict(outer)) == outer


def test_absent_fields_take_their_defaults_and_whole_numbers_serve_as_floats(reread):
    assert reread({"count": 1, "inner": {"name": "x", "size": 2}}) == Outer(1, Inner("x", 2))


@pytest.mark.parametrize(
    ("content", "place"),
    [
        ([], "got `array`"),
        ({}, "`count`"),
        ({"count": "1"}, "$.count"),
        ({"count": 1.5}, "$.count"),
        ({"count": True}, "$.count"),
        ({"count": 1, "other": 2}, "`other` - at `$`"),
        ({"count": 1, "several": [{"name": "x", "other": 1}]}, "`other` - at `$.several[0]`"),
        ({"count": 1, "inner": "x"}, "$.inner"),
        ({"count": 1, "inner": {"name": "x", "size": "1"}}, "$.inner.size"),
        ({"count": 1, "inner": {"name": "x", "size": True}}, "$.inner.size"),
        ({"count": 1, "several": {}}, "$.several"),
        ({"count": 1, "several": [1]}, "$.several[0]"),
        ({"count": 1, "by_name": []}, "$.by_name"),
        ({"count": 1, "maybe": "4"}, "$.maybe"),
        ({"count": 1, "sure": 1}, "$.sure"),
    ],
)
def test_another_type_is_refused_and_its_place_named(reread, content, place):
    with pytest.raises(InputError, match="is not a thing: ") as caught:
        reread(content)
    (problem,) = caught.value.problems
    assert place in problem.what
    assert problem.remedy == "make it again"


@pytest.mark.parametrize("size", ["NaN", "Infinity", "1e999", f"1{'0' * 400}"])
def test_a_float_is_a_finite_number(reread, size):
    with pytest.raises(InputError, match="is not a thing"):
        reread(f'{{"count": 1, "inner": {{"name": "x", "size": {size}}}}}')


def test_examples_hold():
    assert doctest.testmod(module).failed == 0
