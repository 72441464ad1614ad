import numpy as np

from sortline.data.sampling_tally import DrawTally, as_record, count_drawn, draw_table, short_line
from sortline.data.sampling_weights import Pool

POOL = Pool(("cup", "can"), np.array([[2, 0], [0, 1], [1, 1]]), ("main", "taco"), np.array([0, 0, 1]))
ONE_SOURCE = Pool(("cup",), np.array([[2], [1]]), ("main",), np.array([0, 0]))


def test_boxes_count_as_often_as_their_image():
    drawn = count_drawn(np.array([1, 0, 3]), POOL)
    assert (drawn.images, drawn.distinct) == (1 + 3, 2)
    assert drawn.boxes.tolist() == [2 * 1 + 1 * 3, 1 * 3]
    assert drawn.sources.tolist() == [1, 3]


def test_the_record_is_by_name():
    assert as_record(count_drawn(np.array([1, 1, 0]), POOL), POOL) == {
        "images": 2,
        "distinct_images": 2,
        "boxes": {"cup": 2, "can": 1},
        "sources": {"main": 2, "taco": 0},
    }


def test_the_table_shows_what_was_drawn_beside_what_there_is():
    text = draw_table(count_drawn(np.array([1, 0, 3]), POOL), POOL)
    rows = [line.split() for line in text.splitlines()]
    # 3 of 5 + 3 boxes drawn are cans; 2 of 5 boxes in the data
    assert ["can", "3", "37.5%", "2", "40.0%"] in rows
    assert ["taco", "3", "75.0%", "1", "33.3%"] in rows
    assert text.isascii()


def test_one_source_is_not_worth_a_table():
    drawn = count_drawn(np.array([1, 1]), ONE_SOURCE)
    assert "main" not in draw_table(drawn, ONE_SOURCE) + short_line(drawn, ONE_SOURCE)


def test_the_line_names_shares_and_sources():
    line = short_line(count_drawn(np.array([1, 0, 3]), POOL), POOL)
    assert line == "4 images, 2 of them distinct; 8 boxes: cup 62.5%, can 37.5%; 1 of main, 3 of taco"


def test_images_without_boxes_have_no_shares():
    empty = Pool(("cup",), np.zeros((2, 1), dtype=np.int64), ("main",), np.zeros(2, dtype=np.int64))
    assert "cup 0.0%" in short_line(count_drawn(np.array([1, 1]), empty), empty)


def test_a_tally_that_starts_late_counts_the_epochs_before():
    def draw(epoch):
        return np.array([epoch % 3, 0])

    running = DrawTally(POOL, draw)
    for _ in range(4):
        last = running.advance()
    late = DrawTally(POOL, draw, epochs=3)
    assert (late.advance() == last).all()
    assert late.epochs == running.epochs == 4
    # epochs 0 to 3 draw image 0 four times, and 0, 1, 2, 0
    assert late.total.tolist() == running.total.tolist() == [4 + 2, 1, 1]
