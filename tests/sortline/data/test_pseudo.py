import pytest
from helpers import coco

from sortline.data.pseudo import check_weights, without_pseudo


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
