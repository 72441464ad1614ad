import json

import pytest
from helpers import CLASSES, coco

from sortline.errors import InputError
from sortline.predictions.detectron2_predictions import read_detectron2

OURS = coco("test", images=3, boxes=False)


def theirs(first_category=1, reverse=False, folder="", first_image=100):
    """The json that Detectron2 was given: images by other ids and folders, categories from another id on."""
    names = CLASSES[::-1] if reverse else CLASSES
    return {
        "images": [
            {"id": first_image - row, "file_name": f"{folder}{row:04}.jpg", "width": 64, "height": 48}
            for row in range(3)
        ],
        "categories": [{"id": first_category + 2 * row, "name": name} for row, name in enumerate(names)],
        "annotations": [],
    }


def row(image_id=0, category_id=0, **changes):
    return {"image_id": image_id, "category_id": category_id, "bbox": [1.0, 2.0, 30.0, 20.0], "score": 0.5} | changes


@pytest.fixture
def read(tmp_path):
    def read(rows, **kwargs):
        path = tmp_path / "coco_instances_results.json"
        path.write_text(json.dumps(rows))
        return read_detectron2(path, OURS, **kwargs)

    return read


def refused(read, rows, **kwargs):
    with pytest.raises(InputError) as error:
        read(rows, **kwargs)
    return str(error.value)


def test_ids_of_our_own_json_stay_as_they_are(read):
    imported = read([row(2, 3, bbox=[0.5, 1.5, 2.5, 3.5], score=0.25), row(0, 9)])
    assert imported.results.image_ids.tolist() == [2, 0]
    assert imported.results.category_ids.tolist() == [3, 9]
    assert imported.results.bboxes_xywh[0].tolist() == [0.5, 1.5, 2.5, 3.5]
    assert imported.results.scores.tolist() == [0.25, 0.5]
    assert imported.notes == ()


@pytest.mark.parametrize("folder", ["", "test/", "/home/x/test/"])
def test_their_ids_are_turned_into_ours_by_names(read, folder):
    """Their image 98 is 0002.jpg, ours of id 2; their class 1 + 2 x 3 is our last but three."""
    imported = read([row(98, 1 + 2 * 3)], theirs=theirs(reverse=True, folder=folder))
    assert imported.results.image_ids.tolist() == [2]
    assert imported.results.category_ids.tolist() == [9 - 3]


def test_contiguous_ids_count_the_categories_in_ascending_order(read):
    shuffled = theirs()
    shuffled["categories"].reverse()
    imported = read([row(98, 3)], theirs=shuffled, category_ids="contiguous")
    assert imported.results.category_ids.tolist() == [3]


@pytest.mark.parametrize(
    ("seen", "given", "other"),
    [([0, 4], "dataset", "contiguous"), ([3, 19], "contiguous", "dataset")],
)
def test_ids_that_only_fit_the_other_reading_are_refused_with_it_as_the_remedy(read, seen, given, other):
    """Theirs are 1, 3, ... 19; contiguous ones are 0 to 9."""
    message = refused(read, [row(98, seen_id) for seen_id in seen], theirs=theirs(), category_ids=given)
    assert f"all of them fit --category-ids {other}" in message


def test_ids_that_fit_no_reading_are_refused(read):
    message = refused(read, [row(98, 0), row(98, 19)], theirs=theirs())
    assert "category ids 0 are none of the dataset ids 1, 3, 5" in message
    assert "--their-ann" in message


def test_ids_that_fit_both_readings_are_remarked_on(read):
    imported = read([row(98, 3)], theirs=theirs())
    assert "--category-ids contiguous would fit as well" in imported.notes[0]


def test_image_ids_of_another_json_are_refused(read):
    message = refused(read, [row(98), row(97)])
    assert "2 image ids that the annotation file does not list: 98, 97" in message
    assert "--their-ann" in message


def test_images_that_only_they_have_are_refused(read):
    more = theirs()
    more["images"].append({"id": 5, "file_name": "0007.jpg", "width": 64, "height": 48})
    assert "1 image that the annotation file does not list: 0007.jpg" in refused(read, [row(5, 1)], theirs=more)


def test_a_class_that_we_do_not_have_is_refused(read):
    other = theirs()
    other["categories"][1]["name"] = "Papr"
    assert "class 'Papr' is not in the annotation file\n    did you mean 'Paper'" in refused(
        read, [row(98, 1)], theirs=other
    )


def test_boxes_without_area_are_left_out_and_counted(read):
    imported = read([row(), row(bbox=[3.0, 4.0, 0.0, 5.0])])
    assert len(imported.results) == 1
    assert imported.notes == ("1 box without width or height left out",)


@pytest.mark.parametrize(
    ("rows", "message"),
    [
        ([], "holds no boxes"),
        ({"images": []}, "holds a dict, not a list"),
        ([row(score=1.5)], "score outside 0 to 1"),
        ([row(bbox=[30.0, 20.0, -1.0, 2.0])], "negative width"),
        ([row(bbox=[30.0, 20.0, float("nan"), 2.0])], "NaN"),
        ([{"image_id": 0, "category_id": 1, "bbox": [1, 2, 3, 4]}], "without 'score'"),
        ([{"category_id": 1, "bbox": [1, 2, 3, 4], "score": 0.5}], "without 'image_id'"),
        ([row("0001")], "--from yolo-json"),
    ],
)
def test_what_is_not_detectron2s_is_refused(read, rows, message):
    assert message in refused(read, rows)
