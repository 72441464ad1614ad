"""TimmBackbone on every kind of model that timm has: image sizes, freezing, checkpointing, drop path."""

from __future__ import annotations

import math
from typing import Any

import pytest

torch = pytest.importorskip("torch")
timm = pytest.importorskip("timm")

from custom_modules.models import timm_body, timm_parameters  # noqa: E402
from custom_modules.models.timm_backbone import TimmBackbone  # noqa: E402
from sortline.errors import InputError  # noqa: E402

pytestmark = pytest.mark.mm

VIT = "vit_tiny_patch16_224"
SWIN = "swin_tiny_patch4_window7_224"
MAXVIT = "maxvit_rmlp_pico_rw_256"
# One small model of each kind, and strides that it has.
FAMILIES = {
    "resnet10t": (8, 16, 32),
    "convnext_atto": (8, 16, 32),
    "regnetx_002": (8, 16),
    "mobilenetv3_small_050": (8, 16, 32),
    "pvt_v2_b0": (8, 16, 32),
    SWIN: (4, 8, 16),
    VIT: (16,),
    "levit_128s": (16, 32),
}
# More of them, each a kind of its own; by hand and by `make test-all`.
MORE = (  # noqa: SIM905
    "caformer_s18 coatnet_pico_rw_224 convformer_s18 convnextv2_atto crossvit_9_240 cspdarknet53 "
    "cspresnet50 darknet53 davit_tiny deit3_small_patch16_224 deit_tiny_patch16_224 densenet121 dla34 dpn48b "
    "edgenext_xx_small efficientformer_l1 efficientformerv2_s0 efficientnet_lite0 efficientnetv2_rw_t "
    "efficientvit_b0 efficientvit_m0 ese_vovnet19b_dw eva02_tiny_patch14_224 fastvit_t8 fbnetc_100 "
    "focalnet_tiny_srf gcvit_xxtiny gernet_s ghostnet_100 hardcorenas_a hgnetv2_b0 hiera_tiny_224 hrnet_w18_small "
    "inception_next_atto mambaout_femto maxvit_tiny_tf_224 mixnet_s mnasnet_small mobilenetv2_050 "
    "mobilenetv4_conv_small mobileone_s0 mobilevit_xxs mobilevitv2_050 mvitv2_tiny nest_tiny nextvit_small nfnet_l0 "
    "pit_ti_224 poolformer_s12 pvt_v2_b1 regnety_002 repghostnet_050 repvgg_a0 repvit_m0_9 res2net50_26w_4s "
    "resnest14d resnext50_32x4d rexnet_100 sam2_hiera_tiny samvit_base_patch16 seresnet50 skresnet18 "
    "swinv2_cr_tiny_224 swinv2_tiny_window8_256 tf_efficientnet_b0 tiny_vit_5m_224 tinynet_e twins_pcpvt_small "
    "vgg11 visformer_tiny vit_small_patch14_dinov2 vit_small_patch16_dinov3 xcit_tiny_12_p16_224"
).split()
# Their maps are not where their strides say, so that no neck could add them up.
REFUSED = {"crossvit_9_240", "pit_ti_224"}
# timm names no layers of it.
WITHOUT_LAYERS = "poolformer_s12"
# timm has no way to recompute their activations.
WITHOUT_CHECKPOINTING = {"hrnet_w18_small", "twins_pcpvt_small"}

every_family = pytest.mark.parametrize("model_name", FAMILIES)


def build(model_name: str, **kwargs: Any) -> TimmBackbone:
    torch.manual_seed(0)
    return TimmBackbone(model_name, **{"out_strides": FAMILIES.get(model_name, (8, 16)), **kwargs})


def photos(height: int, width: int, count: int = 1) -> torch.Tensor:
    return torch.rand(count, 3, height, width, generator=torch.Generator().manual_seed(0))


def loss(net: TimmBackbone, images: torch.Tensor) -> torch.Tensor:
    return sum(features.square().mean() for features in net(images))


def trained_step(net: TimmBackbone, images: torch.Tensor) -> dict[str, torch.Tensor]:
    torch.manual_seed(1)
    loss(net.train(), images).backward()
    return {name: p.grad for name, p in net.named_parameters() if p.grad is not None}


def check_maps(net: TimmBackbone, strides: tuple[int, ...], height: int, width: int) -> None:
    maps = net(photos(height, width))
    expected = [
        (1, c, math.ceil(height / s), math.ceil(width / s)) for c, s in zip(net.out_channels, strides, strict=True)
    ]
    assert [tuple(features.shape) for features in maps] == expected


@every_family
def test_maps_of_photos_of_any_size(model_name: str) -> None:
    net = build(model_name).eval()
    with torch.no_grad():
        check_maps(net, FAMILIES[model_name], 96, 160)
        check_maps(net, FAMILIES[model_name], 128, 64)


@every_family
def test_checkpointing_changes_neither_maps_nor_gradients(model_name: str) -> None:
    """Random depth included: what is computed again draws the same numbers."""
    options = {} if model_name == "levit_128s" else dict(drop_path_rate=0.3)
    expected = trained_step(build(model_name, **options), photos(64, 96, 2))
    seen = trained_step(build(model_name, with_cp=True, **options), photos(64, 96, 2))
    assert seen.keys() == expected.keys()
    for name, gradient in expected.items():
        torch.testing.assert_close(seen[name], gradient, rtol=1e-3, atol=1e-5, msg=name)


def kept_bytes(net: TimmBackbone) -> int:
    """Count what the forward pass keeps for the backward pass."""
    sizes: dict[int, int] = {}
    held = []

    def pack(tensor: torch.Tensor) -> torch.Tensor:
        held.append(tensor)
        sizes[tensor.untyped_storage().data_ptr()] = tensor.untyped_storage().nbytes()
        return tensor

    with torch.autograd.graph.saved_tensors_hooks(pack, lambda tensor: tensor):
        loss(net.train(), photos(128, 128))
    return sum(sizes.values()) - sum(p.untyped_storage().nbytes() for p in net.parameters())


@pytest.mark.parametrize("model_name", ["resnet10t", VIT])
def test_checkpointing_keeps_less(model_name: str) -> None:
    assert kept_bytes(build(model_name, with_cp=True)) < 0.75 * kept_bytes(build(model_name))


@every_family
def test_frozen_stages_get_no_gradient_and_the_others_do(model_name: str) -> None:
    stages = 2 if model_name == VIT else 3 if model_name == "levit_128s" else 1
    net = build(model_name, frozen_stages=stages)
    gradients = trained_step(net, photos(64, 96, 2))
    frozen = {name for name, p in net.named_parameters() if not p.requires_grad}
    assert frozen
    assert gradients.keys() == {name for name, _ in net.named_parameters()} - frozen
    assert gradients


@pytest.mark.parametrize(
    ("model_name", "frozen_stages", "last", "first"),
    [
        (SWIN, 1, "layers_0.", "layers_1."),
        ("pvt_v2_b0", 0, "patch_embed.", "stages_0."),
        (VIT, 0, "model.patch_embed.", "model.blocks.0."),
        (VIT, 3, "model.blocks.2.", "model.blocks.3."),
    ],
)
def test_where_freezing_ends(model_name: str, frozen_stages: int, last: str, first: str) -> None:
    body = build(model_name, frozen_stages=frozen_stages).body
    frozen = [name for name, p in body.named_parameters() if not p.requires_grad]
    trained = [name for name, p in body.named_parameters() if p.requires_grad]
    assert frozen[-1].startswith(last)
    assert trained[0].startswith(first)


def test_frozen_embeddings_build_no_graph() -> None:
    net = build(VIT, frozen_stages=2).train()
    seen = []
    for block in net.body.model.blocks[1:3]:
        block.register_forward_hook(lambda module, inputs, output: seen.append((module.training, output.requires_grad)))
    net(photos(32, 32))
    assert seen == [(False, False), (True, True)]


@pytest.mark.parametrize("model_name", ["convnext_atto", VIT])
def test_drop_path_rises_to_its_rate_and_acts_in_training_only(model_name: str) -> None:
    net = build(model_name, drop_path_rate=0.5, out_strides=(16,))
    rates = [module.drop_prob for module in net.modules() if type(module).__name__ == "DropPath"]
    assert rates == sorted(rates)
    assert 0.0 < rates[-1] <= 0.5
    plain = build(model_name, out_strides=(16,))
    plain.load_state_dict(net.state_dict())
    images = photos(32, 32, 16)
    torch.testing.assert_close(net.eval()(images), plain.eval()(images))
    assert not torch.allclose(net.train()(images)[0], net(images)[0])


def test_a_model_of_windows_sees_zeros_right_and_below() -> None:
    """Its windows of 8 positions at stride 32 fit multiples of 256 px."""
    net = build(MAXVIT).eval()
    assert net.input_sizes.unit == (8 * 32, 8 * 32)
    images = photos(96, 160)
    canvas = torch.zeros(1, 3, 256, 256)
    canvas[..., :96, :160] = images
    with torch.no_grad():
        for seen, whole, stride in zip(net(images), net(canvas), (8, 16), strict=True):
            torch.testing.assert_close(seen, whole[..., : 96 // stride, : 160 // stride])


def test_a_model_of_one_size_says_what_it_is_built_for() -> None:
    net = build("levit_128s")
    with pytest.raises(InputError, match="the batch is 256 x 64 px, the model is built for 224 x 224"):
        net(photos(256, 64))


def test_a_model_of_one_size_can_be_built_for_another() -> None:
    net = build("visformer_tiny", img_size=(256, 320), frozen_stages=2).eval()
    with torch.no_grad():
        check_maps(net, (8, 16), 256, 320)
        check_maps(net, (8, 16), 64, 96)


def test_blocks_of_a_plain_transformer_by_number() -> None:
    by_number, last = build(VIT, out_indices=(3, -1)).eval(), build(VIT).eval()
    last.body.load_state_dict(by_number.body.state_dict())
    with torch.no_grad():
        middle, end = by_number(photos(64, 64))
        torch.testing.assert_close(end, last(photos(64, 64))[0])
    assert middle.shape == end.shape == (1, 192, 4, 4)
    assert by_number.out_strides == [16, 16]


def test_norms_behind_the_maps() -> None:
    net = build("convnext_atto", out_norm=True)
    maps = net(photos(64, 64))
    for features in maps:
        torch.testing.assert_close(features.mean(1), torch.zeros_like(features[:, 0]), atol=1e-4, rtol=0)
    assert [len(norm.weight) for norm in net.norms] == net.out_channels


def test_names_of_extractors_are_traced_back() -> None:
    names = timm_parameters.whole_names(
        ["layers_0.0.w", "model.head.w", "conv.w"], ["layers.0.0.w", "head.w", "conv.w"]
    )
    assert list(names.values()) == ["layers.0.0.w", "head.w", "conv.w"]
    with pytest.raises(KeyError):
        timm_parameters.whole_names(["other.w"], ["conv.w"])


def test_what_is_asked_beforehand_is_asked_of_a_model_without_memory() -> None:
    assert all(p.is_meta for p in timm_body.on_meta("vit_giant_patch14_dinov2").parameters())


@pytest.mark.parametrize(
    "model_name", [pytest.param(name, marks=() if name == WITHOUT_LAYERS else pytest.mark.slow) for name in MORE]
)
def test_many_more(model_name: str) -> None:
    available = sorted(set(timm_body.map_strides(model_name, timm_body.model_arguments(model_name, None, {}))))
    strides = tuple(stride for stride in available if stride >= 8)
    if model_name in REFUSED:
        with pytest.raises(InputError, match="do not have the strides"):
            build(model_name, out_strides=strides)
        return
    net = build(model_name, out_strides=strides)
    check_maps(net.eval(), strides, 96, 160)
    gradients = trained_step(net, photos(64, 96, 2))
    assert all(gradient.isfinite().all() for gradient in gradients.values())
    numbers = net.layer_numbers()
    assert numbers.keys() == {name for name, _ in net.named_parameters()}
    assert set(numbers.values()) == set(range(max(numbers.values()) + 1))
    assert net.decay_free() <= numbers.keys()
    if model_name in WITHOUT_CHECKPOINTING:
        with pytest.raises(InputError, match="can't recompute activations"):
            build(model_name, out_strides=strides, with_cp=True)
        return
    seen = trained_step(build(model_name, out_strides=strides, with_cp=True), photos(64, 96, 2))
    for name, gradient in gradients.items():
        torch.testing.assert_close(seen[name], gradient, rtol=1e-2, atol=1e-4, msg=name)
