"""The comparison with the compiled extension, with Sortline's functions standing in for it."""

import re
import sys
from types import SimpleNamespace

import pytest
import torch

from custom_modules.ops import ext

pytestmark = pytest.mark.mm


@pytest.fixture
def compare(monkeypatch):
    import mmcv.ops  # noqa: F401
    from ops_parity import compare

    monkeypatch.setattr(compare, "SEEDS", range(1))
    monkeypatch.setitem(sys.modules, "mmcv._ext", ext)
    return compare


def without_steps(name):
    """An op's name, from that of one of its functions."""
    name = re.sub(r"_(forward|backward)(_(mean|var|output|param|data|input|parameters))?$", "", name)
    return {"masked_im2col": "masked_conv", "masked_col2im": "masked_conv"}.get(name, name)


def test_every_served_op_is_compared(compare):
    served = {without_steps(name) for name in ext.__all__ if "version" not in name}
    assert {case.op for case in compare.all_cases("cuda")} == served


def test_a_function_equals_itself(compare):
    record, failures = compare.compare_all("cpu")
    assert failures == []
    assert {entry["status"] for entry in record["ops"].values()} == {"equal"}


def only(compare, monkeypatch, op):
    cases = [case for case in compare.all_cases("cpu") if case.op == op]
    monkeypatch.setattr(compare, "all_cases", lambda device: cases)


def lacking(*names):
    def refuse(*args, **kwargs):
        raise RuntimeError("op: implementation for device cpu not found.")

    return SimpleNamespace(**{name: getattr(ext, name) for name in ext.__all__} | dict.fromkeys(names, refuse))


def test_without_a_kernel_the_loop_decides(compare, monkeypatch):
    only(compare, monkeypatch, "roi_pool")
    monkeypatch.setitem(sys.modules, "mmcv._ext", lacking("roi_pool_forward"))
    record, failures = compare.compare_all("cpu")
    assert failures == []
    assert record["ops"]["roi_pool"]["status"] == "no CPU kernel in mmcv"


def test_a_difference_is_reported(compare, monkeypatch):
    def off(input, rois, output, argmax, **options):
        ext.roi_pool_forward(input, rois, output, argmax, **options)
        output += 0.125

    only(compare, monkeypatch, "roi_pool")
    module = lacking()
    module.roi_pool_forward = off
    monkeypatch.setitem(sys.modules, "mmcv._ext", module)
    record, failures = compare.compare_all("cpu")
    assert failures == ["roi_pool, random: values differ by 0.125, gradients by 0.0"]
    assert record["ops"]["roi_pool"]["status"] == "differs"
    assert record["ops"]["roi_pool"]["values"] == pytest.approx(0.125)


def test_another_shape_differs(compare):
    assert compare._difference([torch.zeros(2)], [torch.zeros(3)]) == float("inf")
    assert compare._difference([torch.zeros(0)], [torch.zeros(0)]) == 0


def test_without_the_compiled_extension_it_says_so(capsys):
    from ops_parity.__main__ import main

    from custom_modules.ops import implementation
    from sortline.errors import InputError

    if implementation()[0] == "compiled":
        pytest.skip("mmcv's compiled extension serves here")
    with pytest.raises(InputError, match="make test-ops-parity"):
        main(["record.json"])
