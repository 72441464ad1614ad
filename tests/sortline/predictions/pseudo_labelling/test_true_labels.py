from detection_cases import make_results
from helpers import coco

from sortline.predictions.pseudo_labelling.true_labels import with_true_labels


def test_images_with_predicted_labels_are_left_out_with_their_detections():
    content = coco(images=3)
    content["images"][1]["pseudo"] = True
    found = make_results((1, 0, [1, 1, 9, 9], 0.9), (2, 0, [1, 1, 9, 9], 0.8))
    real, results, left_out = with_true_labels(content, found)
    assert [image["id"] for image in real["images"]] == [0, 2]
    assert results.image_ids.tolist() == [2]
    assert left_out == 1
    assert len(with_true_labels(coco(), found)[1]) == 2
