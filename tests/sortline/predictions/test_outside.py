import json

import pytest
from helpers import coco

from sortline.data.annotations import read_annotations
from sortline.predictions.outside import note_on_outside
from sortline.predictions.results import read_results


@pytest.mark.parametrize(("outside", "note"), [(0, []), (1, []), (2, ["10% of the boxes reach more than"])])
def test_boxes_of_a_resized_photo_are_noted(tmp_path, outside, note):
    """Of 20 boxes on photos of 64 x 48, so many begin at 60: one is 5%, which passes."""
    (tmp_path / "ann.json").write_text(json.dumps(coco()))
    left = [60.0] * outside + [4.0] * (20 - outside)
    rows = [dict(image_id=i % 6, category_id=0, bbox=[x, 5.0, 30.0, 20.0], score=0.5) for i, x in enumerate(left)]
    (tmp_path / "pred.json").write_text(json.dumps(rows))
    annotations = read_annotations(tmp_path / "ann.json")
    notes = note_on_outside(read_results(tmp_path / "pred.json", annotations), annotations)
    assert [text[: len(start)] for text, start in zip(notes, note, strict=True)] == note
