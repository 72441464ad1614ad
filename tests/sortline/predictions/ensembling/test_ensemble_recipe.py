from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from sortline.errors import InputError
from sortline.predictions.ensembling.curves import IsotonicCurve, MemberCurves, PlattCurve
from sortline.predictions.ensembling.ensemble_recipe import Recipe, read_recipe, write_recipe
from sortline.predictions.ensembling.ensemble_settings import CONF_TYPES, METHODS, EnsembleSettings

SHARES = st.floats(0, 1)
RISING = st.lists(st.tuples(SHARES, SHARES), min_size=1, max_size=5).map(
    lambda pairs: IsotonicCurve(*(tuple(sorted(column)) for column in zip(*pairs, strict=True)))
)
CURVES = RISING | st.builds(PlattCurve, st.floats(1e-9, 1e9), st.floats(-1e9, 1e9))
CLASS_NAMES = st.sampled_from(["Paper", "no", "007", "Plastic: bag", "유리"])
MEMBER_CURVES = st.builds(MemberCurves, CURVES, st.dictionaries(CLASS_NAMES, CURVES, max_size=3))
SETTINGS = st.builds(
    EnsembleSettings,
    method=st.sampled_from(METHODS),
    iou_thr=SHARES,
    class_iou_thr=st.dictionaries(CLASS_NAMES, SHARES, max_size=3),
    skip_box_thr=SHARES,
    score_thr=SHARES,
    weights=st.none() | st.tuples(st.floats(1e-9, 1e9), st.floats(0, 1e9)),
    conf_type=st.sampled_from(CONF_TYPES),
    sigma=st.floats(1e-9, 1e9),
    max_per_image=st.none() | st.integers(1, 1000),
    rescale=st.sampled_from(["none", "rank"]),
)


@settings(max_examples=100, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(SETTINGS, st.none() | st.tuples(MEMBER_CURVES, MEMBER_CURVES))
def test_a_recipe_comes_back_equal(tmp_path: Path, made: EnsembleSettings, curves):
    if curves:
        made = EnsembleSettings(**{**vars(made), "rescale": "isotonic", "curves": curves})
    recipe = Recipe(made, ("on", "12"))
    write_recipe(tmp_path / "recipe.yaml", recipe)
    assert read_recipe(tmp_path / "recipe.yaml") == recipe


def test_a_person_writes_only_what_matters(tmp_path: Path):
    path = tmp_path / "recipe.yaml"
    path.write_text("members: [a, b]\nmethod: nms\nweights: [2, 1]\nclass_iou_thr: {Battery: 0.4}\n")
    wanted = EnsembleSettings("nms", weights=(2.0, 1.0), class_iou_thr={"Battery": 0.4})
    assert read_recipe(path) == Recipe(wanted, ("a", "b"))


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("", "is not a recipe: it holds None"),
        ("- a\n- b\n", "is not a recipe"),
        ("members: [a\nmethod: {", "is not yaml (line 2)"),
        ("members: !!python/object/apply:os.system [ls]", "is not yaml"),
        ("method: wbf", "'members' is not a list of names but None"),
        ("members: [1, 2]", "'members' is not a list of names but [1, 2]"),
        ("members: [a]\nmetod: wbf", "has the unknown key 'metod'\n    did you mean 'method'?"),
        ("members: [a]\nmethod: wfb", "method: is 'wfb'"),
        ("members: [a]\nmethod: [wbf]", "method: is ['wbf']"),
        ("members: [a]\niou_thr: high", "'iou_thr' is not a number but 'high'"),
        ("members: [a]\niou_thr: 55", "iou_thr: is 55"),
        ("members: [a]\nclass_iou_thr: {no: 0.4}", "'class_iou_thr' is not a table of class names and numbers"),
        ("members: [a]\nweights: 1", "'weights' is not a list of numbers but 1"),
        ("members: [a]\nweights: [1, 2]", "weights: holds 2 numbers for 1 members"),
        ("members: [a]\nweights: [true]", "'weights' is not a list of numbers"),
        ("members: [a]\ncurves: [{pooled: {slope: -1, intercept: 0}}]", "'curves' is not a list of fitted curves"),
        ("members: [a]\ncurves: [{pooled: {scores: [0.5, 0.2], chances: [0, 1]}}]", "'curves' is not a list"),
        ("members: [a]\ncurves: [{pooled: {scores: [0.5], chances: []}}]", "'curves' is not a list"),
        ("members: [a]\ncurves: [{}]", "'curves' is not a list"),
        ("members: [a]\ncurves: [{pooled: {slope: 1}}]", "'curves' is not a list"),
        ("members: [a]\ncurves: [{pooled: {slope: 1, intercept: .inf}}]", "'curves' is not a list"),
        ("members: [a]\ncurves: [{pooled: {slope: 1, scores: [0.5], chances: [1]}}]", "'curves' is not a list"),
        ("members: [a]\nsigma: true", "'sigma' is not a number but True"),
        ("members: [a]\nrescale: isotonic", "'isotonic' has curves of 0 members for 1 members"),
    ],
)
def test_bad_recipes_are_refused(tmp_path: Path, text, expected):
    path = tmp_path / "recipe.yaml"
    path.write_text(text)
    with pytest.raises(InputError) as caught:
        read_recipe(path)
    assert expected in str(caught.value)
    assert all(problem.where.startswith(str(path)) for problem in caught.value.problems)


def test_a_recipe_without_a_weight_for_each_member_is_not_written(tmp_path: Path):
    with pytest.raises(InputError, match="holds 2 numbers for 1 members"):
        write_recipe(tmp_path / "recipe.yaml", Recipe(EnsembleSettings(weights=(1, 1)), ("a",)))
    assert list(tmp_path.iterdir()) == []
