import copy
import json

import numpy as np
import pytest
from helpers import CLASSES, ROOT, coco

from sortline.data.annotations import check_categories, check_weights, read_annotations, without_pseudo
from sortline.data.coco_table import boxes_outside
from sortline.errors import InputError

REAL_DATA = ROOT.parent / "shared" / "data"
NAN = float("nan")


def box(index, bbox, image_id=0, category_id=0, **more):
    """A sound annotation but for what a case changes."""
    return {"id": index, "image_id": image_id, "category_id": category_id, "bbox": bbox, "area": 1.0, **more}


@pytest.fixture
def write(tmp_path):
    def write_json(data):
        path = tmp_path / "train.json"
        path.write_text(data if isinstance(data, str) else json.dumps(data))
        return path

    return write_json


def problems(path):
    with pytest.raises(InputError) as error:
        read_annotations(path)
    return [f"{problem.what}\n{problem.remedy}" for problem in error.value.problems]


def changed(path, value):
    """A sound file's content with one value replaced, or with one key removed if the value is None."""
    data = coco()
    holder = data
    for key in path[:-1]:
        holder = holder[key]
    if value is None:
        del holder[path[-1]]
    else:
        holder[path[-1]] = value
    return data


def test_a_sound_file_comes_back_as_it_is(write):
    data = {**coco(), "info": {"year": 2021}}
    assert read_annotations(write(data)) == data


@pytest.mark.parametrize("data", [coco(boxes=False), changed(["annotations"], None)])
def test_a_test_file_has_no_annotations(write, data):
    assert read_annotations(write(data))["annotations"] == []


@pytest.mark.parametrize("name", ["taco-recycle", "recycle-contest"])
@pytest.mark.parametrize("part", ["train", "test"])
def test_real_files_pass(name, part):
    path = REAL_DATA / name / f"{part}.json"
    if not path.is_file():
        pytest.skip(f"needs the shared data set {name}")
    assert len(read_annotations(path)["categories"]) == 10


@pytest.mark.parametrize(
    ("data", "expected"),
    [
        ([], "not a COCO annotation file: it holds a list"),
        ([{"image_id": 0, "category_id": 0, "bbox": [0, 0, 1, 1], "score": 0.5}], "looks like a COCO results file"),
        ("3", "not a COCO annotation file: it holds a int"),
        ("", "is empty"),
        ('{"images": [', "is cut short"),
        (changed(["images"], None), "no key 'images'"),
        (changed(["categories"], None), "no key 'categories'"),
        ({"image": [], "categories": [{"id": 0, "name": "a"}]}, "did you mean 'image'?"),
        (changed(["images"], {}), "'images' is not a list but a dict"),
        (changed(["annotations"], 1), "'annotations' is not a list but a int"),
        (changed(["images"], []), "'images' is an empty list"),
        (changed(["categories"], []), "'categories' is an empty list"),
    ],
)
def test_what_is_not_coco_is_refused(write, data, expected):
    assert expected in problems(write(data))[0]


@pytest.mark.parametrize(
    ("text", "expected"),
    [("[" * 10**5 + "]" * 10**5, "is nested too deeply"), ('{"images": [' + "1" * 10**5 + "]}", "can't be read")],
)
def test_what_overwhelms_a_json_reader_is_refused(write, text, expected):
    assert expected in problems(write(text))[0]


def test_a_missing_file_is_refused(tmp_path):
    assert problems(tmp_path / "absent.json")[0].startswith("no such file")


@pytest.mark.parametrize(
    ("path", "value", "expected"),
    [
        (["images", 1], "a.jpg", "1 image not given as a JSON object: image number 1"),
        (["images", 1, "id"], None, "1 image without 'id': image number 1"),
        (["images", 1, "id"], "1", "1 image whose 'id' is not a whole number but, for example, '1': image number 1"),
        (["images", 1, "id"], True, "1 image whose 'id' is not a whole number but, for example, True"),
        (["images", 1, "id"], 2**63, "1 image whose 'id' is not a whole number"),
        (["images", 1, "id"], 0, "1 image id used more than once: 0"),
        (["images", 1, "file_name"], None, "1 image without 'file_name': image id 1"),
        (["images", 1, "file_name"], " ", "1 image whose 'file_name' is not a text"),
        (["images", 1, "file_name"], "a\0.jpg", "1 image with a NUL or half a character in 'file_name': image id 1"),
        (["images", 1, "file_name"], "\ud83d.jpg", "1 image with a NUL or half a character in 'file_name'"),
        (["images", 1, "file_name"], "train/0000.jpg", "2 images that share a 'file_name'"),
        (["images", 1, "width"], None, "1 image without 'width': image id 1"),
        (["images", 1, "width"], 64.5, "1 image whose 'width' is not a whole number but, for example, 64.5"),
        (["images", 1, "height"], 0, "1 image whose 'height' is not positive: image id 1"),
        (["images", 1, "width"], -64, "1 image whose 'width' is not positive: image id 1"),
        (["categories", 3, "id"], 0, "1 category id used more than once: 0"),
        (["categories", 3, "name"], "Paper", "2 categories that share a name with another category (Paper)"),
        (["categories", 3, "name"], None, "1 category without 'name': category id 3"),
        (["annotations", 2, "id"], 0, "1 annotation id used more than once: 0"),
        (["annotations", 2, "image_id"], 77, "1 annotation of an image that the file does not list (image_id 77)"),
        (["annotations", 2, "category_id"], 10, "of a category that the file does not list (category_id 10)"),
        (["annotations", 2, "bbox"], None, "1 box without 'bbox': annotation id 2"),
        (["annotations", 2, "bbox"], [1, 2, 3], "1 box whose 'bbox' is not four numbers"),
        (["annotations", 2, "bbox"], "1 2 3 4", "1 box whose 'bbox' is not four numbers"),
        (["annotations", 2, "bbox"], [1, 2, 3, "4"], "1 box whose 'bbox' is not four numbers"),
        (["annotations", 2, "bbox"], [1, 2, NAN, 4], "1 box with NaN or infinity in 'bbox': annotation id 2"),
        (["annotations", 2, "bbox"], [1, float("inf"), 3, 4], "1 box with NaN or infinity in 'bbox'"),
        (["annotations", 2, "bbox"], [1, 2, 10**400, 4], "1 box with NaN or infinity in 'bbox'"),
        (["annotations", 2, "bbox"], [1, 2, 0, 4], "1 box with zero width: annotation id 2"),
        (["annotations", 2, "bbox"], [1, 2, 3, 0], "1 box with zero height: annotation id 2"),
        (["annotations", 2, "bbox"], [9, 9, -3, 4], "1 box with negative width: annotation id 2"),
        (["annotations", 2, "bbox"], [9, 9, 3, -4], "1 box with negative height: annotation id 2"),
        (["annotations", 2, "bbox"], [-1.1, 0, 9, 9], "1 box more than 1 px outside the image: annotation id 2"),
        (["annotations", 2, "bbox"], [0, 40, 9, 9.1], "1 box more than 1 px outside the image: annotation id 2"),
        (["annotations", 2, "iscrowd"], 2, "1 annotation whose 'iscrowd' is neither 0 nor 1"),
        (["annotations", 2, "area"], NAN, "1 annotation whose 'area' is not a finite number"),
    ],
)
def test_one_fault_is_one_problem(write, path, value, expected):
    found = problems(write(changed(path, value)))
    assert expected in found[0]
    # An unreadable id leaves its boxes without an image, which is said as well.
    assert len(found) == 1 or "does not list" in found[1]


@pytest.mark.parametrize("bbox", [[-1, -1, 66, 50], [0, 0, 64, 48], [63.9, 47.9, 1e-3, 1e-3]])
def test_a_pixel_beyond_the_border_is_let_pass(write, bbox):
    read_annotations(write(changed(["annotations", 0, "bbox"], bbox)))


def test_all_faults_are_reported_together_and_long_lists_counted(write):
    data = coco()
    data["images"].append(copy.deepcopy(data["images"][0]))
    data["images"][3]["height"] = -1
    data["annotations"] = [box(index, [5, 5, 0, 5]) for index in range(12)]
    data["annotations"] += [box(20, [0, 0, NAN, 1]), box(21, [0, 0, 5, 5], image_id=99)]
    assert [text.split("\n")[0] for text in problems(write(data))] == [
        "1 image id used more than once: 0",
        "2 images that share a 'file_name' with another image: image ids 0, 0",
        "1 image whose 'height' is not positive: image id 3",
        "1 annotation of an image that the file does not list (image_id 99): annotation id 21",
        "1 box with NaN or infinity in 'bbox': annotation id 20",
        "12 boxes with zero width: annotation ids 0, 1, 2 and 9 more",
    ]


def test_corners_in_place_of_sizes_are_pointed_at(write):
    (problem,) = problems(write(changed(["annotations", 0, "bbox"], [30, 30, 60, 45])))
    assert "[left, top, width, height]" in problem


def test_boxes_outside_takes_each_box_with_its_own_image():
    bboxes = np.array([[0, 0, 10, 10], [0, 0, 10, 10], [-2, 0, 5, 5.0]])
    assert boxes_outside(bboxes, np.array([[10, 10], [8, 10], [10, 10]])).tolist() == [False, True, True]
    assert boxes_outside(bboxes, np.array([[10, 10], [8, 10], [10, 10]]), tolerance=2).tolist() == [False] * 3


def texts_of_check(classes):
    return [str(problem) for problem in check_categories(coco(), classes, "cfg.py: metainfo")]


def test_matching_classes_are_no_problem():
    assert check_categories(coco(), CLASSES, "cfg.py") == []
    assert check_categories(coco(), list(CLASSES), "cfg.py") == []


def test_another_order_is_refused_and_the_right_line_given():
    (problem,) = texts_of_check(CLASSES[::-1])
    assert "another order" in problem
    assert f"write metainfo = dict(classes={CLASSES!r})" in problem


@pytest.mark.parametrize(
    ("old", "new", "expected"),
    [
        ("Paper pack", "paper pack", "class 'paper pack' is 'Paper pack' in the annotation file"),
        ("Paper pack", "Paper_pack ", "class 'Paper_pack ' is 'Paper pack' in the annotation file"),
        ("Styrofoam", "Styrofoarm", "did you mean 'Styrofoam'?"),
        ("Styrofoam", "Wood", "class 'Wood' is not in the annotation file"),
    ],
)
def test_another_name_is_refused_with_the_nearest(old, new, expected):
    found = texts_of_check([new if name == old else name for name in CLASSES])
    assert any(expected in problem for problem in found)
    assert f"write metainfo = dict(classes={CLASSES!r})" in found[-1]


def test_missing_and_extra_classes_are_all_named():
    found = texts_of_check([*CLASSES[2:], "Wood", "Food"])
    assert len(found) == 3
    assert "'Wood' is not in" in found[0]
    assert "'Food' is not in" in found[1]
    assert "lacks 'General trash', 'Paper', which" in found[2]


def test_a_class_listed_twice_is_refused():
    assert "'Paper' is listed more than once" in texts_of_check([*CLASSES, "Paper"])[0]


def weighted(**values):
    content = coco(images=2)
    content["annotations"][1].update(values)
    return content


def test_images_with_predicted_labels_are_left_out_with_their_boxes():
    content = coco(images=3)
    content["images"][1]["pseudo"] = True
    real, left_out = without_pseudo(content)
    assert left_out == 1
    assert [image["id"] for image in real["images"]] == [0, 2]
    assert [box["image_id"] for box in real["annotations"]] == [0, 2]
    assert len(content["images"]) == 3


def test_other_files_stay_as_they_are():
    content = coco()
    assert without_pseudo(content) == (content, 0)


@pytest.mark.parametrize("weight", [0, -0.5, 1.5, "0.5", None, True])
def test_weights_that_mean_nothing_are_named(weight):
    (problem,) = check_weights(weighted(pseudo=True, weight=weight), "pseudo.json")
    assert "'weight'" in problem.what
    assert "annotation id 1" in problem.what


def test_sound_weights_and_keys_of_other_files_pass():
    assert check_weights(weighted(pseudo=True, weight=1), "pseudo.json") == []
    assert check_weights(weighted(weight="12 kg"), "train.json") == []
    assert check_weights(coco(), "train.json") == []
