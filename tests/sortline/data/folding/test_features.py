import numpy as np
from helpers import coco

from sortline.data.describe.statistics import box_table
from sortline.data.folding.features import box_sizes, boxes_by_class, image_features


def table_of(*boxes, images=2, classes=2):
    """Boxes given as image, class, width and height."""
    data = coco(images=images, boxes=False)
    data["categories"] = data["categories"][:classes]
    data["annotations"] = [
        {"id": number, "image_id": image, "category_id": label, "bbox": [0, 0, width, height]}
        for number, (image, label, width, height) in enumerate(boxes)
    ]
    return box_table(data)


def test_sizes_are_those_of_coco():
    table = table_of((0, 0, 31.9, 32), (0, 0, 32, 32), (0, 0, 96, 95.9), (0, 0, 96, 96))
    assert box_sizes(table).tolist() == [0, 1, 1, 2]


def test_boxes_are_counted_by_image_and_class():
    table = table_of((0, 1, 5, 5), (0, 1, 5, 5), (1, 0, 5, 5), images=3)
    assert boxes_by_class(table).toarray().tolist() == [[0, 2], [1, 0], [0, 0]]


def test_what_is_counted_of_each_image():
    # Image 0: two small boxes of class 1 and a large one of class 0; image 1: none.
    features = image_features(table_of((0, 1, 5, 5), (0, 1, 5, 5), (0, 0, 100, 100)))
    expected = [
        [1, 2, 1, 3, 2, 0, 1, 0, 0, 1, 2, 0, 0, 1, 1, 0, 0, 1],
        [0, 0, 1, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1, 0, 0],
    ]
    assert features.values.toarray().tolist() == expected
    assert np.flatnonzero(features.strict).tolist() == [0, 1]
    assert (features.importance[:3] == 1).all()
    assert (features.importance[3:] < 1).all()


def test_a_file_without_boxes_counts_images():
    features = image_features(table_of())
    assert features.values.sum(axis=0).max() == 2
