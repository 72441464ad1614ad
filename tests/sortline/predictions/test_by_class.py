"""One number for all classes and numbers of single ones; anything else is refused by name."""

import pytest

from sortline.errors import InputError
from sortline.predictions.by_class import numbers_by_class


@pytest.mark.parametrize(
    ("words", "expected"),
    [
        ([], (None, {})),
        (["0.55"], (0.55, {})),
        (["Plastic bag=0.5"], (None, {"Plastic bag": 0.5})),
        (["0.55", "a=b=0.4", "Battery=0.3"], (0.55, {"a=b": 0.4, "Battery": 0.3})),
    ],
)
def test_numbers_are_read(words, expected):
    assert numbers_by_class(words, "--iou-thr") == expected


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["half"], "--iou-thr: can't be read: 'half'"),
        (["Battery="], "can't be read: 'Battery='"),
        (["0.5", "0.6"], "has 2 numbers for all classes"),
        (["Battery=0.5", "Battery=0.6"], "has two numbers for 'Battery'"),
    ],
)
def test_anything_else_is_refused(words, message):
    with pytest.raises(InputError) as refusal:
        numbers_by_class(words, "--iou-thr")
    assert message in str(refusal.value)
