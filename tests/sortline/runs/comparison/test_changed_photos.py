"""The photos on which a run has most errors more or fewer, drawn three times each."""

import numpy as np
import pytest
from detection_cases import make_results, make_truth
from PIL import Image

from sortline.errors import InputError
from sortline.predictions.matching import Matches
from sortline.runs.comparison.changed_photos import changed_photos, draw_changes
from sortline.runs.comparison.compared_runs import Candidate, Part

BOX, OTHER, ELSEWHERE = [0, 0, 20, 20], [30, 0, 20, 20], [0, 24, 20, 20]
TRUTH = make_truth((0, 0, BOX), (1, 0, BOX), (1, 0, OTHER), (2, 0, BOX), (3, 0, BOX))
#: Finds every box but those of photo 1.
FIRST = make_results((0, 0, BOX, 0.9), (2, 0, BOX, 0.9), (3, 0, BOX, 0.9))
#: Finds those of photo 1, too, loses that of photo 2, and has a wrong box on photo 3.
SECOND = make_results((0, 0, BOX, 0.4), (1, 0, BOX, 0.4), (1, 0, OTHER, 0.4), (3, 0, BOX, 0.4), (3, 0, ELSEWHERE, 0.4))


def candidate(name, results, image_root=None):
    return Candidate(name, name, (Part(None, "val.json", "", Matches.of(TRUTH, results), image_root),))


def test_errors_are_compared_photo_by_photo_whatever_the_scale_of_scores():
    changes = changed_photos(candidate("b", SECOND), candidate("a", FIRST))
    assert (changes.better, changes.worse, changes.same) == (1, 2, 1)
    first, second, third = changes.most
    assert (first.file_name, first.fewer_errors) == ("train/0001.jpg", 2)
    assert (first.other, first.run) == ((0, 0, 2), (2, 0, 0))
    # one error more on both; F1 falls from 1 to 0 on photo 2, from 1 to 2 / (2 + 1) on photo 3
    assert [second.file_name, third.file_name] == ["train/0002.jpg", "train/0003.jpg"]
    assert (second.fewer_errors, third.fewer_errors) == (-1, -1)
    assert third.run == (1, 1, 0)


def test_the_list_is_as_long_as_asked_for_and_holds_no_photo_without_change():
    assert len(changed_photos(candidate("b", SECOND), candidate("a", FIRST), count=2).most) == 2
    same = changed_photos(candidate("b", FIRST), candidate("a", FIRST))
    assert (same.better, same.worse, same.same, same.most) == (0, 0, 4, ())


def test_each_photo_is_drawn_three_times(tmp_path):
    (tmp_path / "train").mkdir()
    for index in range(4):
        grey = np.full((48, 64, 3), 120, dtype=np.uint8)
        Image.fromarray(grey).save(tmp_path / f"train/{index:04}.jpg")
    run, other = candidate("b", SECOND, tmp_path), candidate("a", FIRST)
    changes = changed_photos(run, other, count=2).most
    written = draw_changes(run, other, changes, tmp_path / "out")
    assert [path.name for path in written] == ["01_train_0001.png", "02_train_0002.png"]
    picture = np.asarray(Image.open(written[0]).convert("RGB")).astype(int)
    height, width = picture.shape[:2]
    assert width > 3 * 600
    # Photo 1: boxes in truth and in the run's panel, none in the one between.
    reds = [
        ((panel[..., 0] > 200) & (panel[..., 1] < 60)).sum()
        for panel in np.array_split(picture[60 : height - 60], 3, axis=1)
    ]
    assert reds[0] > 500
    assert reds[1] == 0
    assert reds[2] > 500


def test_unknown_or_absent_photos_are_refused(tmp_path):
    run, other = candidate("b", SECOND), candidate("a", FIRST)
    changes = changed_photos(run, other).most
    with pytest.raises(InputError, match="--image-root"):
        draw_changes(run, other, changes, tmp_path)
    with pytest.raises(InputError, match=r"no longer the folder of the photos\n.*--image-root"):
        draw_changes(run, other, changes, tmp_path, image_root=tmp_path / "moved")
    with pytest.raises(InputError, match="no such image"):
        draw_changes(run, other, changes, tmp_path, image_root=tmp_path)
