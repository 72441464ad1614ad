from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sortline.data.formats.decimals import box_area, box_of_corners, corner_texts, parse_decimal, parse_whole, plain

FLOATS = st.floats(-1e6, 1e6)


@given(st.lists(FLOATS, min_size=4, max_size=4), st.sampled_from([0, 1]))
def test_corners_give_the_same_floats_back(bbox, first):
    assert box_of_corners(*map(Decimal, corner_texts(bbox, first)), first) == bbox


def test_corners_are_sums_of_what_is_printed():
    # In floats 197.6 + 547.8 is 745.3999999999999.
    assert corner_texts([197.6, 193.7, 547.8, 469.7]) == ["197.6", "193.7", "745.4", "663.4"]


def test_counted_from_one_the_first_corner_is_one_more():
    assert corner_texts([0, 9.5, 64, 20.25], first=1) == ["1", "10.5", "64", "29.75"]


def test_the_area_is_the_product_of_what_is_printed():
    assert box_area(1.1, 1.1) == 1.21
    assert 1.1 * 1.1 != 1.21


@pytest.mark.parametrize("text", ["", "a", "nan", "inf", "-Infinity", "1e-999999999", "1e999999999", "1e400", "1 2"])
def test_what_is_no_usable_number_is_none(text):
    assert parse_decimal(text) is None


@pytest.mark.parametrize(("text", "number"), [("640", 640), ("640.0", 640), (" 7 ", 7)])
def test_whole_numbers(text, number):
    assert parse_whole(text) == number


@pytest.mark.parametrize("text", ["0", "-3", "1.5", "", "1e12"])
def test_what_is_no_size_is_none(text):
    assert parse_whole(text) is None


@pytest.mark.parametrize(
    ("number", "text"), [("12.500", "12.5"), ("100", "100"), ("1E+2", "100"), ("-0.0", "0"), ("5e-7", "0.0000005")]
)
def test_plain_has_neither_exponent_nor_idle_zeros(number, text):
    assert plain(Decimal(number)) == text
