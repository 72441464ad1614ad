import numpy as np
import pytest

pytestmark = pytest.mark.mm

CLASSES = ("can", "cup")


def sample(size_wh=(80, 40), boxes=((20, 10, 60, 30),), mask=False, ignored=()):
    from sortline.pipeline.drawn_samples import Drawn, Objects

    image = np.full((size_wh[1], size_wh[0], 3), 90, dtype=np.uint8)
    masks = np.zeros((len(boxes), size_wh[1], size_wh[0]), dtype=bool)
    for index, (x1, y1, x2, y2) in enumerate(boxes):
        masks[index, y1:y2, x1:x2] = True
    objects = Objects(
        np.array(boxes, float).reshape(-1, 4),
        np.zeros(len(boxes), int),
        np.array(ignored, float).reshape(-1, 4),
        masks if mask else None,
    )
    return Drawn("folder/a.jpg", image, objects, image, objects, 0.01)


def test_all_samples_have_a_place_at_one_scale():
    from sortline.pipeline.drawn_samples import CAPTION, COLUMNS, GAP, draw_grid

    sheet = draw_grid([sample(), sample((40, 20), boxes=((5, 5, 35, 15),))] * 3, CLASSES, "six", cell=160)
    assert sheet.width == COLUMNS * (160 + GAP) + GAP
    pixels = np.asarray(sheet)
    grey = (pixels == 90).all(axis=2)
    rows, columns = np.flatnonzero(grey.any(axis=1)), np.flatnonzero(grey.any(axis=0))
    # Two rows of pictures 160 x 80, a caption and a gap apart
    assert rows[-1] + 1 - rows[0] == 2 * 80 + CAPTION + GAP
    # The last column's picture is half as large: 80 of its 160 pixels
    assert columns[-1] + 1 - columns[0] == 3 * (160 + GAP) + 80


def test_a_box_is_drawn_where_it_lies():
    from sortline.pipeline.drawn_samples import GAP, TITLE, draw_grid
    from sortline.reports.palette import class_colour

    pixels = np.asarray(draw_grid([sample((200, 100), boxes=((40, 60, 120, 90),))], CLASSES, "one", cell=400))
    own = (pixels == class_colour(0)).all(axis=2)[TITLE : TITLE + 200, GAP : GAP + 400]
    # At twice its size: left 80, right 240, bottom 180; the name's plate stands above
    assert np.flatnonzero(own.any(axis=0))[[0, -1]].tolist() == [80, 239]
    assert np.flatnonzero(own.any(axis=1))[-1] == 179


def test_masks_are_tinted_and_nothing_else():
    from sortline.pipeline.drawn_samples import TINT, tint_masks
    from sortline.reports.palette import class_colour

    drawn = sample(mask=True)
    tinted = tint_masks(drawn.image, drawn.objects)
    expected = [round((1 - TINT) * 90 + TINT * channel) for channel in class_colour(0)]
    assert np.abs(tinted[10:30, 20:60].reshape(-1, 3).astype(int) - expected).max() <= 1
    assert (tinted[:10] == 90).all()
    assert (drawn.image == 90).all()


def test_photos_stand_beside_their_samples_and_ignored_boxes_are_grey():
    from sortline.pipeline.drawn_samples import GREY, draw_grid

    drawn = [sample(boxes=(), ignored=((10, 10, 50, 30),))]
    alone, beside = (draw_grid(drawn, CLASSES, "one", cell=300, beside=option) for option in (False, True))
    grey = [(np.asarray(sheet) == GREY).all(axis=2).sum() for sheet in (alone, beside)]
    assert grey[0] > 2 * (150 + 75) * 0.8
    assert grey[1] == pytest.approx(2 * grey[0], rel=0.05)
