import pytest
from hypothesis import given
from hypothesis import strategies as st

from sortline.predictions.foreign_predictions import ImageIndex


def index(*file_names, by_stem=False):
    """Ids are 10, 11, ... in the order of the names."""
    images = [{"id": 10 + row, "file_name": name} for row, name in enumerate(file_names)]
    return ImageIndex({"images": images}, by_stem)


@pytest.mark.parametrize(
    ("name", "found"),
    [
        ("test/a.jpg", [10]),
        ("a.jpg", [10]),
        ("/data/recycle/test/a.jpg", [10]),
        ("train/a.jpg", []),
        ("test/a.png", []),
        ("b.jpg", [11, 12]),
        ("val/b.jpg", [12]),
        ("c.jpg", [13]),
        ("other/c.jpg", [13]),
        ("", []),
    ],
)
def test_names_may_begin_at_another_folder(name, found):
    assert index("test/a.jpg", "test/b.jpg", "val/b.jpg", "c.jpg").find(name) == found


def test_the_exact_name_is_taken_before_one_that_ends_alike():
    assert index("deep/a.jpg", "a.jpg").find("a.jpg") == [11]


def test_names_without_suffix():
    by_stem = index("test/0001.jpg", "test/img.v2.png", "test/x1.jpg", by_stem=True)
    assert by_stem.find("0001") == by_stem.find(1) == [10]
    assert by_stem.find("img.v2") == [11]
    assert by_stem.find("img") == by_stem.find(2) == []


def test_all_unknown_and_ambiguous_names_are_reported_together():
    found, problems = index("a.jpg", "x/b.jpg", "y/b.jpg").find_all(["a.jpg", "b.jpg", "c.jpg", "a.jpg"], "p.json")
    assert found == {"a.jpg": 10}
    assert [problem.what for problem in problems] == [
        "1 image that the annotation file does not list: c.jpg",
        "1 name of several images: b.jpg",
    ]


PARTS = st.lists(st.sampled_from(["a", "b", "aa"]), min_size=1, max_size=3).map(tuple)


@given(st.lists(PARTS, unique=True, min_size=1, max_size=8))
def test_every_image_is_found_by_its_own_name(paths):
    names = [f"{'/'.join(parts)}.jpg" for parts in paths]
    images = index(*names)
    assert [images.find(name) for name in names] == [[10 + row] for row in range(len(names))]
