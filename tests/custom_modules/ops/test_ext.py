import ast
import inspect
from pathlib import Path

import pytest
import torch

from custom_modules.ops import ext, implementation
from sortline.errors import InputError

pytestmark = pytest.mark.mm


def requested_ops():
    """Every function that mmcv.ops asks its extension for, by the file that asks."""
    import mmcv

    for path in sorted(Path(mmcv.__file__).parent.glob("ops/*.py")):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Call) and getattr(node.func, "attr", "") == "load_ext":
                yield from ast.literal_eval(node.args[1])


@pytest.fixture
def sortline_serves():
    if implementation()[0] != "sortline":
        pytest.skip("mmcv's compiled extension serves here")


def test_mmcv_finds_its_ops(sortline_serves):
    from mmcv.utils.ext_loader import check_ops_exist

    assert check_ops_exist()


def test_every_op_that_mmcv_asks_for_is_served_or_explains_itself():
    ops = list(requested_ops())
    assert len(ops) > 100
    missing = [op for op in ops if op not in ext.__all__]
    for op in missing:
        assert ext.caller(op)[0] != "mmcv.ops", f"{op} has no entry in ext.CALLERS"
        with pytest.raises(InputError, match=op):
            getattr(ext, op)()
    assert set(ext.__all__) == set(ops) - set(missing)


def message(op):
    with pytest.raises(InputError) as caught:
        ext.unsupported(op)(1, 2, key=3)
    return str(caught.value)


@pytest.mark.parametrize(
    ("op", "layer", "asked_by"),
    [
        ("nms_rotated", "nms_rotated", "nms=dict(type='nms_rotated')"),
        ("psamask_forward", "PSAMask", "segmentation (PSANet)"),
        ("prroi_pool_forward", "PrRoIPool", "roi_layer=dict(type='PrRoIPool')"),
        ("border_align_forward", "BorderAlign", "BorderDet"),
        ("line_nms_forward", "line_nms", "lane detection (CLRNet)"),
        ("roi_align_rotated_backward", "RoIAlignRotated", "roi_layer=dict(type='RoIAlignRotated')"),
        ("roiaware_pool3d_forward", "RoIAwarePool3d", "point clouds"),
    ],
)
def test_the_error_names_op_layer_config_key_and_remedy(op, layer, asked_by):
    text = message(op)
    assert all(part in text for part in (repr(op), layer, asked_by, ext.BUILD_COMMAND, "README"))


def test_an_op_of_a_later_mmcv_is_still_named():
    assert "'an_op_to_come'" in message("an_op_to_come")


def test_the_longest_match_wins():
    assert ext.caller("nms_rotated")[0] == "nms_rotated"
    assert ext.caller("fused_indice_conv_forward") == ext.caller("indice_conv_forward")


def test_the_stand_in_carries_the_ops_name():
    assert ext.unsupported("psamask_forward").__name__ == "psamask_forward"


def test_private_names_are_absent():
    with pytest.raises(AttributeError, match="_no_such_name"):
        _ = ext._no_such_name


def test_parameters_have_mmcvs_names():
    # mmcv passes these by name.
    by_name = {
        "nms": {"iou_threshold", "offset"},
        "softnms": {"iou_threshold", "sigma", "min_score", "method", "offset"},
        "roi_align_forward": {"aligned_height", "aligned_width", "spatial_scale", "pool_mode", "aligned"},
        "deform_conv_forward": {"kW", "kH", "dW", "dH", "padW", "padH", "dilationW", "dilationH", "group"},
        "ms_deform_attn_backward": {"im2col_step"},
    }
    for op, names in by_name.items():
        assert names <= set(inspect.signature(getattr(ext, op)).parameters)


def test_the_environment_report_says_who_serves(sortline_serves):
    from mmcv.utils import collect_env

    environment = collect_env()
    assert "Sortline" in environment["MMCV Compiler"]
    assert "Sortline" in environment["MMCV CUDA Compiler"]


def build_layer(config):
    import mmdet.models  # noqa: F401  (fills the registry)
    from mmengine.registry import MODELS

    return MODELS.build(config)


@pytest.mark.parametrize("dtype", [None, torch.bfloat16], ids=["float32", "autocast"])
@pytest.mark.parametrize("layer", ["DCN", "DCNv2"])
def test_deformable_layers_train(layer, dtype, device):
    convolution = build_layer({"type": layer, "in_channels": 4, "out_channels": 8, "kernel_size": 3, "padding": 1}).to(
        device
    )
    features = torch.randn(2, 4, 6, 5, device=device, requires_grad=True)
    with torch.autocast(device, dtype=dtype or torch.bfloat16, enabled=dtype is not None):
        output = convolution(features)
    assert output.shape == (2, 8, 6, 5)
    output.float().square().sum().backward()
    assert features.grad.abs().sum() > 0
    assert all(parameter.grad is not None for parameter in convolution.parameters())


def test_region_extractor_trains(device):
    from mmdet.models import SingleRoIExtractor

    extractor = SingleRoIExtractor(
        roi_layer={"type": "RoIAlign", "output_size": 7, "sampling_ratio": 0},
        out_channels=8,
        featmap_strides=[4, 8],
    )
    features = [torch.randn(2, 8, size, size, device=device, requires_grad=True) for size in (32, 16)]
    regions = torch.tensor([[0, 3.0, 5, 40, 60], [1, 0, 0, 120, 120]], device=device)
    pooled = extractor(features, regions)
    assert pooled.shape == (2, 8, 7, 7)
    pooled.square().sum().backward()
    assert any(level.grad.abs().sum() > 0 for level in features)


def test_deformable_attention_layer_trains(device):
    attention = build_layer(
        {"type": "MultiScaleDeformableAttention", "embed_dims": 16, "num_heads": 2, "num_levels": 2}
    ).to(device)
    shapes = torch.tensor([[4, 4], [2, 2]], device=device)
    value = torch.randn(20, 2, 16, device=device, requires_grad=True)
    output = attention(
        query=torch.randn(5, 2, 16, device=device),
        value=value,
        reference_points=torch.rand(2, 5, 2, 2, device=device),
        spatial_shapes=shapes,
        level_start_index=torch.tensor([0, 16], device=device),
    )
    assert output.shape == (5, 2, 16)
    output.square().sum().backward()
    assert value.grad.abs().sum() > 0


def test_focal_loss_layer_trains(device):
    from mmcv.ops import SigmoidFocalLoss

    logits = torch.randn(4, 3, device=device, requires_grad=True)
    SigmoidFocalLoss(2.0, 0.25)(logits, torch.tensor([0, 1, 2, 3], device=device)).backward()
    assert logits.grad.abs().sum() > 0
