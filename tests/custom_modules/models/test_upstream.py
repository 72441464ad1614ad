"""Workarounds for mmdet's models."""

from __future__ import annotations

import numpy as np
import pytest

import custom_modules  # noqa: F401  (before mmcv: it serves the extension that mmcv asks for)

pytestmark = pytest.mark.mm


def test_losses_of_which_one_stands_apart_are_separated_in_single_precision():
    from custom_modules.models.upstream import PreciseGaussianMixture

    losses = np.array([[12.967], *[[14.0 + step / 100] for step in range(8)]], dtype=np.float32)
    mixture = PreciseGaussianMixture(
        2,
        weights_init=np.array([0.5, 0.5]),
        means_init=np.array([losses.min(), losses.max()]).reshape(2, 1),
        precisions_init=np.ones((2, 1, 1)),
    )
    mixture.fit(losses)
    assert mixture.predict(losses).tolist() == [0, *[1] * 8]


@pytest.mark.parametrize(
    ("box_xyxy", "filled"),
    [([2, 1, 6, 4], (6 - 2) * (4 - 1)), ([20, 1, 30, 4], 0), ([-9, 1, -3, 4], 0), ([2, 30, 6, 40], 0)],
    ids=["inside", "right of the photo", "left of it", "below it"],
)
def test_a_mask_is_pasted_wherever_its_box_lies(box_xyxy: list[int], filled: int):
    import torch

    from custom_modules.models.upstream import paste_mask

    masks, region = paste_mask(torch.ones(1, 1, 28, 28), torch.tensor([box_xyxy], dtype=torch.float32), 8, 10)
    photo = torch.zeros(1, 8, 10)
    photo[(0, *region)] = masks[0]
    assert int((photo >= 0.5).sum()) == filled


def test_the_workarounds_are_in_place_once_models_are_registered():
    from mmdet.models.dense_heads import PISASSDHead, SSDHead, paa_head
    from mmdet.models.roi_heads.mask_heads import fcn_mask_head

    import custom_modules.register_all  # noqa: F401
    from custom_modules.models.upstream import PreciseGaussianMixture, paste_mask

    assert SSDHead.loss_cls is None
    assert PISASSDHead.loss_cls is None
    assert paa_head.skm.GaussianMixture is PreciseGaussianMixture
    assert fcn_mask_head._do_paste_mask is paste_mask
