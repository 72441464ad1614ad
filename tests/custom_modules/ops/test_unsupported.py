import pytest

from custom_modules.ops.unsupported import BUILD_COMMAND, caller, unsupported
from sortline.errors import InputError


def message(op):
    with pytest.raises(InputError) as caught:
        unsupported(op)(1, 2, key=3)
    return str(caught.value)


@pytest.mark.parametrize(
    ("op", "layer", "asked_by"),
    [
        ("nms_rotated", "nms_rotated", "nms=dict(type='nms_rotated')"),
        ("psamask_forward", "PSAMask", "segmentation (PSANet)"),
        ("roi_align_rotated_backward", "RoIAlignRotated", "roi_layer=dict(type='RoIAlignRotated')"),
        ("roiaware_pool3d_forward", "RoIAwarePool3d", "point clouds"),
    ],
)
def test_the_error_names_op_layer_config_key_and_remedy(op, layer, asked_by):
    text = message(op)
    assert all(part in text for part in (repr(op), layer, asked_by, BUILD_COMMAND, "README"))


def test_an_op_of_a_later_mmcv_is_still_named():
    assert "'an_op_to_come'" in message("an_op_to_come")


def test_the_longest_match_wins():
    assert caller("nms_rotated")[0] == "nms_rotated"
    assert caller("fused_indice_conv_forward") == caller("indice_conv_forward")


def test_the_stand_in_carries_the_ops_name():
    assert unsupported("psamask_forward").__name__ == "psamask_forward"
