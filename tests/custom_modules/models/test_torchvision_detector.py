"""torchvision's detectors behind mmdet's interface: labels, losses, boxes, frozen layers."""

from __future__ import annotations

from typing import Any

import pytest

torch = pytest.importorskip("torch")

import custom_modules.register_all  # noqa: E402, F401
from custom_modules.models.torchvision_detector import TorchvisionDetector  # noqa: E402
from sortline.errors import InputError  # noqa: E402

pytestmark = pytest.mark.mm

FASTER_V2 = "fasterrcnn_resnet50_fpn_v2"
FASTER, RETINA, FCOS, SSDLITE = KINDS = (
    "fasterrcnn_mobilenet_v3_large_320_fpn",
    "retinanet_resnet50_fpn_v2",
    "fcos_resnet50_fpn",
    "ssdlite320_mobilenet_v3_large",
)
SIDE = 64


def detector(model_name: str = SSDLITE, num_classes: int = 3, **kwargs: Any) -> TorchvisionDetector:
    torch.manual_seed(0)
    return TorchvisionDetector(model_name, num_classes, **kwargs)


def sample(
    boxes: list[list[float]], labels: list[int], shape: tuple[int, int] = (SIDE, SIDE), scale: float = 1.0
) -> Any:
    """Make what a pipeline knows of a photo of ``shape`` that it has scaled by ``scale``."""
    from mmdet.structures import DetDataSample
    from mmengine.structures import InstanceData

    made = DetDataSample(metainfo=dict(img_shape=shape, scale_factor=(scale, scale), ori_shape=shape))
    made.gt_instances = InstanceData(bboxes=torch.tensor(boxes).reshape(-1, 4), labels=torch.tensor(labels).long())
    return made


def photos(count: int = 2, side: int = SIDE) -> torch.Tensor:
    return torch.rand(count, 3, side, side, generator=torch.Generator().manual_seed(0))


@pytest.fixture(scope="module", params=KINDS)
def model_of_a_kind(request: pytest.FixtureRequest) -> TorchvisionDetector:
    """One detector a kind for tests that leave its weights alone."""
    return detector(request.param)


def test_a_training_step_gives_finite_losses_also_where_a_photo_has_no_boxes(
    model_of_a_kind: TorchvisionDetector,
) -> None:
    model = model_of_a_kind.train()
    losses = model.loss(photos(), [sample([[8.0, 8, 40, 40]], [2]), sample([], [])])
    total, _ = model.parse_losses(losses)
    # mmengine adds up what is called a loss, and nothing else.
    assert all("loss" in name for name in losses)
    torch.testing.assert_close(total, torch.stack(list(losses.values())).sum())
    total.backward()
    gradients = [parameter.grad for parameter in model.parameters() if parameter.grad is not None]
    assert gradients
    assert all(bool(torch.isfinite(gradient).all()) for gradient in [total, *gradients])


def test_no_photo_of_a_batch_needs_boxes(model_of_a_kind: TorchvisionDetector) -> None:
    losses = model_of_a_kind.train().loss(photos(), [sample([], []), sample([], [])])
    assert all(bool(torch.isfinite(value)) for value in losses.values())


@pytest.mark.parametrize(
    ("model_name", "offset"),
    [(FASTER, 1), (FASTER_V2, 1), (SSDLITE, 1), ("ssd300_vgg16", 1), (RETINA, 0), (FCOS, 0)],
)
def test_labels_leave_room_for_a_background_where_there_is_one(model_name: str, offset: int) -> None:
    from custom_modules.models.torchvision_nets import build_net, label_offset

    assert label_offset(model_name) == offset
    with torch.device("meta"):
        net = build_net(model_name, 3, False, None)
    if model_name in (FASTER, FASTER_V2):
        outputs = net.roi_heads.box_predictor.cls_score.out_features
    elif model_name in (RETINA, FCOS):
        outputs = net.head.classification_head.num_classes
    else:
        outputs = net.head.classification_head.num_columns
    assert outputs == 3 + offset


def test_labels_come_back_as_they_went_in(model_of_a_kind: TorchvisionDetector) -> None:
    """What the net is given as the target of a class, it gives as the label of that class."""
    model = model_of_a_kind
    target = model._target(sample([[1.0, 2, 3, 4], [5, 6, 7, 8], [5, 6, 7, 9]], [0, 1, 2]))
    found = {"boxes": target["boxes"], "labels": target["labels"], "scores": torch.ones(3)}
    assert model._instances(found, (1.0, 1.0)).labels.tolist() == [0, 1, 2]


@pytest.mark.parametrize(
    "model_name", [FASTER, SSDLITE, *(pytest.param(name, marks=pytest.mark.slow) for name in (RETINA, FCOS))]
)
def test_every_class_is_predicted_with_its_own_label(model_name: str) -> None:
    """A net whose last layers favour one class gives that class's label, 0 and the last one included."""
    model = detector(model_name, test_cfg=dict(score_thr=0.0)).eval()
    for label, more in ((0, 5.0), (2, 10.0)):
        favour(model, label, more)
        with torch.no_grad():
            found = model.predict(photos(1), [sample([], [])])[0].pred_instances
        assert found.labels[found.scores.argmax()].item() == label


def favour(model: TorchvisionDetector, label: int, more: float) -> None:
    """Raise the bias of one class's scores."""
    from custom_modules.models.torchvision_nets import class_layers

    parameters = dict(model.net.named_parameters())
    for name in class_layers(model.net, model.model_name, model.num_classes):
        if name.endswith("bias") and "bbox_pred" not in name:
            columns = model.num_classes + model.label_offset
            parameters[name].data.view(-1, columns)[:, label + model.label_offset] += more


def test_boxes_without_area_are_left_out_of_the_targets() -> None:
    """torchvision stops with an error at the first of them."""
    target = detector()._target(sample([[8.0, 8, 8, 40], [8, 8, 40, 40], [9, 9, 20, 9]], [0, 1, 2]))
    assert target["boxes"].tolist() == [[8, 8, 40, 40]]
    assert target["labels"].tolist() == [1 + 1]


def test_boxes_are_clipped_to_the_photo_without_its_padding_and_brought_back_to_its_own_size() -> None:
    model = detector(test_cfg=dict(score_thr=0.0)).eval()
    samples = [sample([], [], (48, 32), 0.5), sample([], [])]
    with torch.no_grad():
        first, second = (item.pred_instances.bboxes for item in model.predict(photos(), samples))
    assert first[:, 0::2].max() == 32 / 0.5
    assert first[:, 1::2].max() == 48 / 0.5
    assert second.max() == SIDE
    with torch.no_grad():
        unscaled = model.predict(photos(), samples, rescale=False)[0].pred_instances.bboxes
    torch.testing.assert_close(first, unscaled / 0.5)


def test_predictions_are_those_of_torchvision_on_photos_of_its_size() -> None:
    """Its transform would resize and normalise: with a mean of 0 and photos of its size, it changes nothing."""
    from torchvision.models.detection import ssdlite320_mobilenet_v3_large

    model = detector(num_classes=3).eval()
    reference = ssdlite320_mobilenet_v3_large(
        weights_backbone=None, num_classes=3 + 1, image_mean=[0.0] * 3, image_std=[1.0] * 3
    ).eval()
    reference.load_state_dict(model.net.state_dict())
    images = photos(1, 320)
    with torch.no_grad():
        ours = model.predict(images, [sample([], [], (320, 320))])[0].pred_instances
        theirs = reference([images[0]])[0]
    assert len(ours) > 0
    torch.testing.assert_close(ours.bboxes, theirs["boxes"])
    torch.testing.assert_close(ours.scores, theirs["scores"])
    assert (ours.labels + 1).tolist() == theirs["labels"].tolist()


@pytest.mark.parametrize(
    ("layers", "trained"),
    [(None, ["layer2", "layer3", "layer4"]), (1, ["layer4"]), (0, [])],
)
def test_the_first_layers_are_frozen_where_the_start_is_pretrained(layers: int | None, trained: list[str]) -> None:
    init_cfg = dict(type="Pretrained", checkpoint="weights.pth")
    model = detector(FCOS, trainable_backbone_layers=layers, init_cfg=init_cfg)
    names = [name for name, value in model.net.backbone.body.named_parameters() if value.requires_grad]
    assert sorted({name.split(".")[0] for name in names}) == trained


def test_nothing_is_frozen_where_the_start_is_random() -> None:
    assert all(parameter.requires_grad for parameter in detector(FCOS, trainable_backbone_layers=1).parameters())


@pytest.mark.parametrize("norm_eval", [True, False])
def test_norm_eval_keeps_statistics_and_scales_of_the_backbone(norm_eval: bool) -> None:
    model = detector(norm_eval=norm_eval).train()
    before = {name: value.clone() for name, value in model.net.backbone.named_buffers()}
    losses = model.loss(photos(), [sample([[8.0, 8, 40, 40]], [2]), sample([], [])])
    torch.stack(list(losses.values())).sum().backward()
    after = dict(model.net.backbone.named_buffers())
    assert all(torch.equal(value, after[name]) for name, value in before.items()) is norm_eval
    convolution, norm, _ = model.net.backbone.features[0][0]
    assert (norm.weight.grad is None) is norm_eval
    assert convolution.weight.grad is not None


@pytest.mark.parametrize("model_name", [FASTER, SSDLITE])
def test_test_cfg_is_written_as_for_any_detector(model_name: str) -> None:
    model = detector(model_name, test_cfg=dict(score_thr=0.0, nms=dict(type="nms", iou_threshold=1.0), max_per_img=7))
    with torch.no_grad():
        found = model.eval().predict(photos(1), [sample([], [])])[0].pred_instances
    assert len(found) == 7


@pytest.mark.parametrize(
    ("kwargs", "message"),
    [
        (dict(model_name="fasterrcnn_resnet50_fpn_v3"), "did you mean 'fasterrcnn_resnet50_fpn_v2'"),
        (dict(model_name="maskrcnn_resnet50_fpn"), "no box detector"),
        (dict(test_cfg=dict(nms_pre=100)), r"model.test_cfg.nms_pre: unknown key"),
        (dict(test_cfg=dict(nms=dict(max_num=3))), r"model.test_cfg.nms.max_num: unknown key"),
        (dict(init_cfg=dict(type="Xavier")), "is 'Xavier'"),
        (dict(init_cfg=dict(type="Pretrained"), trainable_backbone_layers=9), r"range \[0,6\], got 9"),
    ],
)
def test_what_torchvision_does_not_know_is_refused(kwargs: dict[str, Any], message: str) -> None:
    with pytest.raises(InputError, match=message):
        detector(**kwargs)


def test_maps_and_raw_detections_are_there_for_tools() -> None:
    model = detector().eval()
    assert len(model.extract_feat(photos(1))) == 6
    assert model(photos(2), mode="tensor")[1]["boxes"].shape[1] == 4


@pytest.mark.slow
@pytest.mark.parametrize("model_name", KINDS)
def test_one_photo_is_learnt_by_heart(model_name: str) -> None:
    """A square of one colour is found, at its place and with its class, after some steps on this photo alone."""
    torch.manual_seed(0)
    model = detector(model_name).train()
    images = 0.1 * photos(2, 128)
    images[:, 0, 32:96, 32:96] += 2.0
    truth = [32.0, 32, 96, 96]
    samples = [sample([truth], [2], (128, 128)), sample([truth], [2], (128, 128))]
    optimizer = torch.optim.Adam(model.parameters(), lr=1e-3)
    for _ in range(40):
        total, _ = model.parse_losses(model.loss(images, samples))
        optimizer.zero_grad()
        total.backward()
        torch.nn.utils.clip_grad_norm_(model.parameters(), 10.0)
        optimizer.step()
    # The last steps' statistics: after so few steps the running ones of batch norm still lag behind.
    for module in model.modules():
        if isinstance(module, torch.nn.BatchNorm2d):
            module.momentum = None
            module.reset_running_stats()
    with torch.no_grad():
        for _ in range(3):
            model.loss(images, samples)
        found = model.eval().predict(images[:1], samples[:1])[0].pred_instances
    best = found.scores.argmax()
    assert found.labels[best].item() == 2
    from torchvision.ops import box_iou

    assert box_iou(found.bboxes[best][None], torch.tensor([truth])).item() > 0.5
