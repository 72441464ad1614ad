import numpy as np
import pytest

from sortline.errors import InputError

pytestmark = pytest.mark.mm

INSTANCES = [
    {"bbox": [0, 0, 9, 9], "bbox_label": 0, "ignore_flag": 0},
    {"bbox": [1, 0, 9, 9], "bbox_label": 1, "ignore_flag": 0, "weight": 0.6},
    {"bbox": [2, 0, 9, 9], "bbox_label": 2, "ignore_flag": 1},
]


def transform(**settings):
    from custom_modules.transforms import SampleBoxesByWeight

    return SampleBoxesByWeight(**settings)


def left(sampled) -> list[int]:
    return [instance["bbox_label"] for instance in sampled]


@pytest.mark.parametrize(("draw", "labels"), [(0.59, [0, 1, 2]), (0.6, [0, 2]), (0.99, [0, 2])])
def test_a_box_is_there_when_its_draw_is_below_its_weight(draw, labels):
    from custom_modules.transforms.sample_boxes_by_weight import sample_by_weight

    assert left(sample_by_weight(INSTANCES, [draw] * 3, "background")) == labels


def test_what_is_not_drawn_is_ignored_if_asked():
    from custom_modules.transforms.sample_boxes_by_weight import sample_by_weight

    sampled = sample_by_weight(INSTANCES, [0.9] * 3, "ignored")
    assert [instance["ignore_flag"] for instance in sampled] == [0, 1, 1]
    assert INSTANCES[1]["ignore_flag"] == 0


def test_over_epochs_a_box_is_there_as_often_as_it_weighs():
    np.random.seed(0)
    sample, epochs = transform(), 4000
    there = sum(1 in left(sample({"instances": INSTANCES})["instances"]) for _ in range(epochs))
    # Four standard deviations of the binomial
    assert abs(there / epochs - 0.6) < 4 * (0.6 * 0.4 / epochs) ** 0.5


def test_the_seed_decides():
    def run():
        np.random.seed(3)
        return [left(transform()({"instances": INSTANCES})["instances"]) for _ in range(20)]

    assert run() == run()
    assert len({tuple(labels) for labels in run()}) == 2


def test_the_expected_loss_is_that_of_a_soft_label():
    """Cross-entropy of labels drawn with chance w averages to cross-entropy with the target w."""
    import torch
    from torch.nn.functional import binary_cross_entropy_with_logits as loss

    logit, weight = torch.tensor([0.7]), 0.6
    drawn = weight * loss(logit, torch.ones(1)) + (1 - weight) * loss(logit, torch.zeros(1))
    assert drawn.item() == pytest.approx(loss(logit, torch.tensor([weight])).item())


def test_an_image_without_boxes_passes():
    assert transform()({"instances": []})["instances"] == []


def test_an_unknown_fate_is_refused():
    with pytest.raises(InputError, match="'background' or 'ignored'"):
        transform(otherwise="drop")
