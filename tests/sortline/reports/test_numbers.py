import doctest
from dataclasses import dataclass

import pytest

from sortline.reports import numbers
from sortline.reports.numbers import interval_text, score_text, size_text, some


@dataclass
class Ends:
    low: float
    high: float


def test_examples_hold():
    assert doctest.testmod(numbers).failed == 0


@pytest.mark.parametrize(
    ("noun", "several"),
    [("box", "boxes"), ("class", "classes"), ("match", "matches"), ("key", "keys"), ("category", "categories")],
)
def test_nouns_are_counted(noun, several):
    assert some(1, noun) == f"1 {noun}"
    assert some(1234, noun) == f"1,234 {several}"


def test_what_is_not_defined_is_a_dash():
    assert score_text(None) == interval_text(None) == "-"


def test_intervals_take_the_form_of_their_ends():
    assert interval_text(Ends(0.25, 0.5)) == "0.2500 to 0.5000"
    assert interval_text(Ends(-0.25, 0.5), "+.2f") == "-0.25 to +0.50"


@pytest.mark.parametrize(
    ("size", "text"), [(0, "0 bytes"), (1, "1 byte"), (99_999, "99,999 bytes"), (100_000, "0.1 MB"), (10**9, "1.0 GB")]
)
def test_sizes(size, text):
    assert size_text(size) == text
