import pytest
from detection_cases import matches_of

from sortline.predictions.evaluation_notes import FEW_IMAGES, file_notes, truth_notes
from sortline.predictions.score import score

BOX = [10, 10, 20, 20]
ALL = [(image, 0, BOX, 0.01) for image in range(4)]


def notes_of(truth, detections, images=4):
    matches = matches_of(truth, detections, images)
    return file_notes(matches, score(matches))


def notes_on_truth(truth, images=4, replicates=100):
    matches = matches_of(truth, [], images)
    return truth_notes(matches.truth, score(matches), replicates)


def test_sound_detections_need_no_words():
    assert notes_of([(0, 0, BOX)], ALL) == ()


@pytest.mark.parametrize(
    ("detections", "expected"),
    [
        ([], "holds no detections: every score is 0"),
        (ALL[:1], "no detections on 3 of 4 images"),
        ([(image, 1, BOX, 0.01) for image in range(4)], "are these of the annotation file's images?"),
        ([(image, 1, BOX, 0.01) for image in range(4)], "no detections of General trash: their AP50 is 0"),
        ([*ALL, (0, 1, [40, 10, 30, 20], 0.5)], "20% of the boxes reach more than 1 px beyond their image"),
        ([(image, 0, BOX, 0.3) for image in range(4)], "no score below 0.3"),
    ],
)
def test_what_explains_a_files_scores_is_said(detections, expected):
    assert expected in "\n".join(notes_of([(0, 0, BOX)], detections))


def test_what_is_not_defined_is_said():
    notes = "\n".join(notes_on_truth([(0, 0, BOX), (0, 0, [0, 0, 60, 40], 1)]))
    assert "no ground truth, so no AP and no part in any mean: Paper, Paper pack, Metal" in notes
    assert "APm: not defined, no box to be found is from 32 x 32 to 96 x 96 px in area" in notes
    assert "APl: not defined" in notes
    assert "APs" not in notes
    assert "1 crowd region: detections there" in notes


def test_classes_on_few_images_are_named_beside_intervals():
    truth = [(image, 0, BOX) for image in range(FEW_IMAGES)] + [(0, 1, BOX), (0, 1, BOX), (1, 2, BOX, 1)]
    few = "too few images for an interval to say much; a resample without the class leaves it out: Paper (1 image)"
    assert few in notes_on_truth(truth, images=FEW_IMAGES)
    assert few not in notes_on_truth(truth, images=FEW_IMAGES, replicates=0)
