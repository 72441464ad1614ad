import numpy as np
import pytest

pytestmark = pytest.mark.mm


def covered(instances, **settings):
    from custom_modules.transforms import CoverIgnoredBoxes

    image = np.full((10, 20, 3), 7, dtype=np.uint8)
    results = CoverIgnoredBoxes(**settings)({"img": image, "instances": instances, "height": 10})
    assert (image == 7).all()
    return results


def box(bbox, ignore_flag=0):
    return {"bbox": bbox, "bbox_label": 0, "ignore_flag": ignore_flag}


def test_ignored_boxes_are_painted_and_left_out_and_others_stay_whole():
    kept = box([4, 2, 8, 6])
    results = covered([box([2.5, 1, 6, 4.2], 1), kept])
    grey = (results["img"] == 114).all(axis=2)
    expected = np.zeros((10, 20), dtype=bool)
    expected[1:5, 2:6] = True  # every pixel that the box touches
    expected[2:6, 4:8] = False
    np.testing.assert_array_equal(grey, expected)
    assert (results["img"][~grey] == 7).all()
    assert results["instances"] == [kept]
    assert results["height"] == 10


def test_boxes_beyond_the_border_are_painted_as_far_as_the_image_goes():
    results = covered([box([-5, -5, 3, 3], 1), box([18, 8, 30, 30], 1)])
    grey = (results["img"] == 114).all(axis=2)
    assert grey.sum() == 3 * 3 + 2 * 2


def test_without_ignored_boxes_the_image_is_handed_on():
    results = covered([box([4, 2, 8, 6])])
    assert (results["img"] == 7).all()
    assert len(results["instances"]) == 1


def test_the_color_is_free():
    assert covered([box([0, 0, 1, 1], 1)], color=(1, 2, 3))["img"][0, 0].tolist() == [1, 2, 3]


def test_rtmdet_takes_an_ignored_object_for_background_unless_it_is_covered():
    """Why this transform exists: the assigner's answer is the same with and without ignored boxes."""
    import torch
    from mmdet.registry import TASK_UTILS
    from mmengine.structures import InstanceData

    assigner = TASK_UTILS.build(dict(type="DynamicSoftLabelAssigner", topk=13))
    priors = torch.tensor([[x, y, 8.0, 8.0] for x in (4.0, 12.0, 20.0) for y in (4.0, 12.0)])
    predicted = InstanceData(
        priors=priors, bboxes=torch.cat([priors[:, :2] - 4, priors[:, :2] + 4], 1), scores=torch.zeros(6, 2)
    )
    truth = InstanceData(bboxes=torch.tensor([[0.0, 0.0, 8.0, 8.0]]), labels=torch.tensor([0]))
    ignored = InstanceData(bboxes=torch.tensor([[16.0, 8.0, 24.0, 16.0]]), labels=torch.tensor([0]))
    assigned = assigner.assign(predicted, truth, ignored).gt_inds
    assert assigned[5] == 0  # 0 is background, -1 would be ignored
    assert torch.equal(assigned, assigner.assign(predicted, truth).gt_inds)
