"""What is compared: each served op on random inputs and on its edge cases, called through mmcv's own layers."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any

import mmcv.ops as layers
import op_references as references
import torch
import torch.nn.functional as F
from mmcv.ops.modulated_deform_conv import modulated_deform_conv2d
from mmcv.ops.multi_scale_deform_attn import MultiScaleDeformableAttnFunction, multi_scale_deformable_attn_pytorch
from mmcv.ops.sync_bn import SyncBatchNormFunction
from ops_parity import inputs
from ops_parity.inputs import SCALE
from torch import Generator

SIZE = (4, 3)
BOTH = (torch.float32, torch.float64)


@dataclass(frozen=True)
class Case:
    """One comparison.

    Attributes:
        op: Name in the record.
        name: What the inputs show.
        call: The layer, given the inputs.
        inputs: Makes them from a generator; those in float64 are then rounded to the precision under test.
        leaves: Positions of the inputs that have gradients.
        reference: The same in float64, for a device that mmcv has no kernel for.
        differs: Why results differ on purpose; empty where they must not.
        dtypes: Precisions that the layer takes.
    """

    op: str
    name: str
    call: Callable[..., Any]
    inputs: Callable[[Generator], list[Any]]
    leaves: Sequence[int] = ()
    reference: Callable[..., Any] | None = None
    differs: str = ""
    dtypes: Sequence[torch.dtype] = BOTH


def all_cases(device: str) -> list[Case]:
    """Every comparison; ``device`` matters where mmcv's own layer refuses one."""
    families = (suppression, overlaps, region_pooling, deformable_pooling, convolutions, losses, attention)
    cases = [case for family in families for case in family()]
    return [*cases, *upsampling(device), *batch_normalisation()]


def suppression() -> Iterator[Case]:
    """NMS, soft NMS and the grouping of boxes by the one that suppresses them; mmcv's take float32 only."""
    case = partial(Case, dtypes=[torch.float32])
    for offset, threshold in itertools.product((0, 1), (0.3, 0.6)):
        call = partial(layers.nms, iou_threshold=threshold, offset=offset)
        yield case("nms", f"offset {offset}, threshold {threshold}", call, partial(inputs.scored_boxes, count=200))
    nms = partial(layers.nms, iou_threshold=0.5)
    yield case("nms", "no boxes", nms, partial(inputs.scored_boxes, count=0))
    yield case(
        "nms",
        "equal scores",
        nms,
        partial(inputs.equally_scored_boxes, count=300),
        differs="of equal scores the first box wins; mmcv leaves it to the sort",
    )
    for method, offset in itertools.product(("naive", "linear", "gaussian"), (0, 1)):
        call = partial(layers.soft_nms, iou_threshold=0.3, sigma=0.5, min_score=1e-3, method=method, offset=offset)
        yield case("softnms", f"{method}, offset {offset}", call, partial(inputs.scored_boxes, count=100))
    yield case(
        "softnms",
        "Gaussian, boxes without area",
        partial(layers.soft_nms, method="gaussian"),
        partial(inputs.boxes_without_area, count=20),
        differs="boxes without area are left alone; mmcv divides 0 by 0, which makes their scores NaN",
    )
    for count in (1, 100):
        yield case("nms_match", f"{count} boxes", _nms_match, partial(inputs.scored_boxes, count=count))


def _nms_match(boxes, scores):
    return list(layers.nms_match(torch.cat([boxes, scores[:, None]], dim=1), 0.4))


def overlaps() -> Iterator[Case]:
    """Overlaps of boxes, with each other and row by row."""
    for mode, aligned, offset in itertools.product(("iou", "iof"), (True, False), (0, 1)):

        def call(boxes, others, mode=mode, aligned=aligned, offset=offset):
            return layers.bbox_overlaps(boxes, others if aligned else others[:7], mode, aligned, offset)

        def pairs(generator):
            return [inputs.boxes(generator, 50), inputs.boxes(generator, 50)]

        yield Case("bbox_overlaps", f"{mode}, aligned {aligned}, offset {offset}", call, pairs)


def region_pooling() -> Iterator[Case]:
    """RoIAlign and RoIPool."""
    some = partial(inputs.regions, count=12)
    for mode, ratio, aligned in itertools.product(("avg", "max"), (0, 2), (True, False)):
        call = partial(_roi_align, ratio=ratio, mode=mode, aligned=aligned)
        yield Case("roi_align", f"{mode}, ratio {ratio}, aligned {aligned}", call, some, [0])
    yield Case("roi_align", "no regions", _roi_align, partial(inputs.regions, count=0), [0])
    yield Case(
        "roi_align",
        "maximum over regions without area",
        partial(_roi_align, mode="max"),
        partial(inputs.regions_without_area, count=3, last=0),
        [0],
        differs="max-pooled regions without area are 0; mmcv's maximum over nothing is -10000",
    )
    yield Case("roi_pool", "random", _roi_pool, some, [0], _roi_pool_loop)
    yield Case(
        "roi_pool",
        "regions without area",
        _roi_pool,
        partial(inputs.regions_without_area, count=3, last=-1),
        [0],
        _roi_pool_loop,
        differs="regions without area have no gradient; mmcv sends theirs to the first pixel",
    )


def _roi_align(features, rois, ratio=0, mode="avg", aligned=True):
    return layers.roi_align(features, rois, SIZE, SCALE, ratio, mode, aligned)


def _roi_pool(features, rois):
    return layers.roi_pool(features, rois, SIZE, SCALE)


def _roi_pool_loop(features, rois):
    return references.roi_pool(features, rois, SIZE, SCALE)


def deformable_pooling() -> Iterator[Case]:
    """RoI pooling with moved bins."""
    for ratio in (0, 2):
        call = partial(_deform_roi_pool, ratio=ratio)
        loop = partial(_deform_roi_pool_loop, ratio=ratio)
        inside = partial(inputs.moved_regions, count=8, size=SIZE)
        yield Case("deform_roi_pool", f"ratio {ratio}", call, inside, [0, 2], loop)
    yield Case(
        "deform_roi_pool",
        "bins in place",
        lambda features, rois: layers.deform_roi_pool(features, rois, None, SIZE, SCALE),
        partial(inputs.regions, count=8),
        [0],
        lambda features, rois: references.deform_roi_pool(features, rois, None, SIZE, SCALE),
    )
    yield Case(
        "deform_roi_pool",
        "across the border",
        _deform_roi_pool,
        partial(inputs.moved_regions_at_the_border, count=8, size=SIZE),
        [0, 2],
        _deform_roi_pool_loop,
        differs="at the border the offsets' gradient is the derivative of the values, which mmcv's is not",
    )


def _deform_roi_pool(features, rois, offset, ratio=0):
    return layers.deform_roi_pool(features, rois, offset, SIZE, SCALE, ratio, 0.1)


def _deform_roi_pool_loop(features, rois, offset, ratio=0):
    return references.deform_roi_pool(features, rois, offset, SIZE, SCALE, ratio, 0.1)


def convolutions() -> Iterator[Case]:
    """Deformable convolution 1 and 2, and the convolution at chosen positions."""
    for batch, groups, deformable, stride in ((2, 1, 1, 1), (3, 2, 2, 2)):
        some = partial(inputs.convolution, batch=batch, groups=groups, deformable=deformable, stride=stride)
        name = f"{batch} images, groups {groups}, deformable groups {deformable}, stride {stride}"

        def first(features, offset, mask, weight, bias, options=(stride, 1, 1, groups, deformable)):
            return layers.deform_conv2d(features, offset, weight, *options)

        def second(features, offset, mask, weight, bias, options=(stride, 1, 1, groups, deformable)):
            return modulated_deform_conv2d(features, offset, mask, weight, bias, *options)

        yield Case("deform_conv", name, first, some, [0, 1, 3])
        yield Case("modulated_deform_conv", name, second, some, [0, 1, 2, 3, 4])
    for share in (0.4, 0.0):
        yield Case(
            "masked_conv",
            f"{share:.0%} of the positions",
            lambda *tensors: layers.masked_conv2d(*tensors, 1),
            partial(inputs.masked_convolution, share=share),
            reference=lambda *tensors: references.masked_conv2d(*tensors, 1),
        )


def losses() -> Iterator[Case]:
    """Focal losses, weighted and not."""
    for op, layer, formula in (
        ("sigmoid_focal_loss", layers.sigmoid_focal_loss, references.sigmoid_focal_loss),
        ("softmax_focal_loss", layers.softmax_focal_loss, references.softmax_focal_loss),
    ):
        for weighted in (False, True):

            def call(values, target, weight, layer=layer, weighted=weighted):
                # mmcv's softmax loss has no gradient without a reduction.
                return layer(values, target, 2.0, 0.25, weight if weighted else None, "sum")

            def expected(values, target, weight, formula=formula, weighted=weighted):
                return formula(values, target, 2.0, 0.25, weight if weighted else None).sum()

            name = "weighted" if weighted else "unweighted"
            yield Case(op, name, call, partial(inputs.logits, rows=40, scale=3.0), [0], expected)
    yield Case(
        "sigmoid_focal_loss",
        "large logits",
        lambda values, target, _: layers.sigmoid_focal_loss(values, target, 2.0, 0.25, None, "none"),
        partial(inputs.logits_with_background, rows=40, scale=40.0),
        [0],
        lambda values, target, _: references.sigmoid_focal_loss(values, target, 2.0, 0.25),
        differs="large logits keep their digits, where mmcv's loss jumps to a clamp at 87",
    )


def attention() -> Iterator[Case]:
    """Deformable attention over levels."""

    def call(value, shapes, starts, locations, weights):
        return MultiScaleDeformableAttnFunction.apply(value, shapes, starts, locations, weights, 64)

    def plain(value, shapes, starts, locations, weights):
        return multi_scale_deformable_attn_pytorch(value, shapes, locations, weights)

    yield Case("ms_deform_attn", "random", call, partial(inputs.attention, queries=9), [0, 3, 4], plain)


def upsampling(device: str) -> Iterator[Case]:
    """CARAFE and its naive form, whose layer refuses a backward pass on the CPU."""
    for kernel, groups, scale in ((3, 2, 2), (5, 1, 2), (1, 4, 3)):
        some = partial(inputs.upsampling, kernel=kernel, groups=groups, scale=scale)
        for op, layer in (("carafe", layers.carafe), ("carafe_naive", layers.carafe_naive)):
            leaves = [] if op == "carafe_naive" and device == "cpu" else [0, 1]

            def call(features, masks, layer=layer, options=(kernel, groups, scale)):
                return layer(features, masks, *options)

            def loop(features, masks, options=(kernel, groups, scale)):
                return references.carafe(features, masks, *options)

            yield Case(op, f"kernel {kernel}, groups {groups}, scale {scale}", call, some, leaves, loop)


def batch_normalisation() -> Iterator[Case]:
    """MMSyncBN's function, in one process."""

    def some(generator):
        return [inputs.randn(generator, 3, 4, 5, 2) * 3 + 1, inputs.rand(generator, 4), inputs.rand(generator, 4)]

    def call(features, weight, bias):
        mean, var = torch.zeros_like(weight), torch.ones_like(weight)
        output = SyncBatchNormFunction.apply(features, mean, var, weight, bias, 0.1, 1e-5, None, 1, "default")
        return output, mean, var

    def plain(features, weight, bias):
        mean, var = torch.zeros_like(weight), torch.ones_like(weight)
        return F.batch_norm(features, mean, var, weight, bias, training=True, momentum=0.1, eps=1e-5), mean, var

    yield Case("sync_bn", "random", call, some, [0, 1, 2], plain, dtypes=[torch.float32])
