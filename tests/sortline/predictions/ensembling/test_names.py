import pytest

from sortline.errors import InputError
from sortline.predictions.ensembling.names import check_members, member_names


@pytest.mark.parametrize(
    ("paths", "names"),
    [
        (["work_dirs/atss/predictions/oof.bbox.json", "work_dirs/dino/predictions/oof.bbox.json"], ("atss", "dino")),
        (["/x/work_dirs/atss/fold_0/test.csv", "/x/work_dirs/dino/fold_0/test.csv"], ("atss", "dino")),
        (["atss_r50_oof.bbox.json", "dino_r50_oof.json"], ("atss", "dino")),
        (["a.json", "b.CSV"], ("a", "b")),
        (["a/fold_0/x.json", "a/fold_1/x.json"], ("fold_0", "fold_1")),
        (["a/x.json", "b/x.json", "c/y.json"], ("a/x", "b/x", "c/y")),
        (["dino.json", "dino_oof.json"], ("dino", "dino_oof")),
        (["a.json", "a.csv"], ("a.json", "a.csv")),
        (["only.bbox.json"], ("only",)),
    ],
)
def test_names_are_what_tells_files_apart(paths, names):
    assert member_names(paths) == names


@pytest.mark.parametrize(
    ("paths", "expected"),
    [
        (["a.json"], "is for 2 members, and 1 files are given"),
        (["b.json", "a.json"], "lists its members in another order than --pred: a, b"),
        (["a.json", "c.json"], "is for the members a, b, and the files given are a, c"),
    ],
)
def test_other_members_are_refused(paths, expected):
    with pytest.raises(InputError) as caught:
        check_members(("a", "b"), paths, "recipe.yaml")
    assert f"recipe.yaml: {expected}" in str(caught.value)


def test_the_members_are_taken():
    check_members(("a", "b"), ["test/a_test.csv", "test/b_test.csv"], "recipe.yaml")
    check_members(("a",), ["anything.csv"], "recipe.yaml")
