"""The drawn objects: every form of every class, on any scale."""

from __future__ import annotations

import numpy as np
import pytest

from sortline.data.demo.demo_data import CLASSES
from sortline.data.demo.shapes import PAINTERS, Painter, draw_object

FORMS = [painter for forms in PAINTERS.values() for painter, _ in forms]


def test_every_class_has_forms_and_their_shares_add_up() -> None:
    assert tuple(PAINTERS) == CLASSES
    for forms in PAINTERS.values():
        assert sum(share for _, share in forms) == pytest.approx(1)


@pytest.mark.parametrize("painter", FORMS, ids=lambda painter: painter.__name__)
@pytest.mark.parametrize("height", [8, 40, 130])
def test_a_form_fills_most_of_its_sketch_and_varies(painter: Painter, height: int) -> None:
    sketches = [painter(np.random.default_rng(seed), height) for seed in range(4)]
    for sketch in sketches:
        assert sketch.shape[0] == height
        assert np.isfinite(sketch.rgb).all()
        assert sketch.rgb.min() >= 0
        assert 0 <= sketch.alpha.min() <= sketch.alpha.max() <= 1 + 1e-6
        rows, columns = np.nonzero(sketch.alpha > 0.25)
        assert np.ptp(rows) + 1 >= 0.6 * height
        assert np.ptp(columns) + 1 >= 0.6 * sketch.shape[1]
    assert len({sketch.rgb.tobytes() for sketch in sketches}) == len(sketches)


def test_the_same_generator_draws_the_same_object() -> None:
    first, second = (draw_object(np.random.default_rng(5), "Glass", 60) for _ in range(2))
    assert (first.rgb == second.rgb).all()
    assert (first.alpha == second.alpha).all()
