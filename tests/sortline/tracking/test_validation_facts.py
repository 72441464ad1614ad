"""Facts of a validation: the same photos from epoch to epoch, small, with their boxes in the right place."""

import json

import numpy as np
import pytest
from fact_cases import SETTINGS, draw_up, validation

from sortline.predictions import matching
from sortline.predictions.score import score
from sortline.tracking.validation_facts import CHOICE, CONFUSION, CURVES, PHOTOS, PhotoSettings, ValidationFacts, shrunk


@pytest.fixture
def data(make_dataset):
    return make_dataset(images=6)


def test_facts_are_those_of_the_plain_functions(data, tmp_path):
    facts = draw_up(tmp_path, data)
    assert list(facts) == [CONFUSION, CURVES, PHOTOS]
    # Each class has one right and one wrong detection of different scores: the best threshold keeps the right one.
    assert facts[CONFUSION].counts.diagonal()[:3].tolist() == [1, 1, 1]
    assert [curve.name for curve in facts[CURVES].curves] == ["General trash", "Paper", "Paper pack"]
    assert {curve.ap50 for curve in facts[CURVES].curves} == {1 / 2}


def test_photos_are_small_and_their_boxes_with_them(data, tmp_path):
    photos = draw_up(tmp_path, data)[PHOTOS]
    assert [photo.group for photo in photos.photos] == ["worst", "worst", "best", "best", "random", "random"]
    assert len({photo.name for photo in photos.photos}) == 6
    for photo in photos.photos:
        index = int(photo.name[-8:-4])
        assert photo.rgb.shape == (24, 32, 3), "48 x 64 pixels at half their size"
        left, top, right, bottom = 4.0 + index % 7, 5.0, 34.0 + index % 7, 25.0
        np.testing.assert_allclose(photo.truth.boxes_xyxy, [[left / 2, top / 2, right / 2, bottom / 2]])
        assert photo.found.labels.tolist() == [index % 3]
        assert photo.drawn(photos.classes).shape == (24, 2 * 32, 3)


def test_the_photos_stay_the_same_when_the_detections_change_and_when_the_run_is_resumed(data, tmp_path):
    found = validation()
    facts = ValidationFacts(tmp_path, SETTINGS)
    names = [photo.name for photo in facts.draw_up(found, data)[PHOTOS].photos]
    reverse = found.take(found.results.image_ids < 2)
    assert [photo.name for photo in facts.draw_up(reverse, data)[PHOTOS].photos] == names
    resumed = ValidationFacts(tmp_path, SETTINGS)
    resumed.recall_choice()
    assert [photo.name for photo in resumed.draw_up(reverse, data)[PHOTOS].photos] == names
    anew = ValidationFacts(tmp_path, SETTINGS)
    assert [photo.name for photo in anew.draw_up(reverse, data)[PHOTOS].photos] != names


@pytest.mark.parametrize("content", ["not json", "[]", '{"worst": 3}', '{"worst": ["gone.jpg"]}'])
def test_a_choice_that_can_not_be_used_is_made_anew(data, tmp_path, content):
    (tmp_path / CHOICE).write_text(content)
    facts = ValidationFacts(tmp_path, SETTINGS)
    facts.recall_choice()
    assert len(facts.draw_up(validation(), data)[PHOTOS].photos) == 6
    assert len(json.loads((tmp_path / CHOICE).read_text())["worst"]) == 2


def test_the_surest_boxes_are_shown(data, tmp_path):
    on_one = validation().take(np.zeros(3, dtype=np.int64))
    on_one.results.scores[:] = [0.2, 0.8, 0.05]
    photos = ValidationFacts(tmp_path, PhotoSettings(2, 64, 5, 0.1)).draw_up(on_one, data)[PHOTOS]
    found = {photo.name: photo.found for photo in photos.photos}["train/0000.jpg"]
    assert found.scores.tolist() == [0.8, 0.2], "0.05 is below the threshold"


def test_photos_can_be_switched_off(tmp_path):
    facts = ValidationFacts(tmp_path, PhotoSettings(count=0)).draw_up(validation(), tmp_path / "nowhere")
    assert PHOTOS not in facts
    assert not (tmp_path / CHOICE).exists()


@pytest.mark.parametrize(
    ("shape", "side", "small", "scale"),
    [
        ((48, 64), 32, (24, 32), 0.5),
        ((64, 48), 32, (32, 24), 0.5),
        ((48, 64), 100, (48, 64), 1.0),
        ((1, 64), 8, (1, 8), 1 / 8),
    ],
)
def test_photos_never_grow_and_keep_their_form(shape, side, small, scale):
    rgb, found = shrunk(np.zeros((*shape, 3), np.uint8), side)
    assert (rgb.shape, found) == ((*small, 3), scale)


def test_one_validation_is_matched_once(data, tmp_path, monkeypatch):
    calls = []
    claim = matching._claim
    monkeypatch.setattr(matching, "_claim", lambda *columns: (calls.append(1), claim(*columns)))
    found = validation()
    score(found)
    draw_up(tmp_path, data, found)
    assert len(calls) == 1
