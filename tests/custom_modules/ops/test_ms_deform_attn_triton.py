"""The Triton kernels against the plain form: interpreted on the CPU, compiled for GPUs, run where there is one."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
import torch
from helpers import ROOT

pytest.importorskip("triton", reason="this torch comes without Triton, as the builds for CPUs do")
import attention_cases

pytestmark = pytest.mark.mm

PRECISIONS = {torch.float64: 1e-12, torch.float32: 1e-4, torch.float16: 4e-3, torch.bfloat16: 4e-2}


def test_interpreted_kernels_equal_the_plain_form():
    result = subprocess.run(
        [sys.executable, str(Path(__file__).with_name("interpret_triton.py"))],
        env={**os.environ, "TRITON_INTERPRET": "1", "PYTHONPATH": str(ROOT)},
        capture_output=True,
        text=True,
        check=True,
    )
    found = json.loads(result.stdout)
    assert len(found) == 8
    limits = {str(dtype): limit for dtype, limit in PRECISIONS.items()}
    for name, differences in found.items():
        assert max(differences) < limits.get(name, 1e-12), name


@pytest.mark.slow
@pytest.mark.parametrize("capability", [80, 90])
@pytest.mark.parametrize("dtype", ["fp32", "fp16", "bf16", "fp64"])
def test_kernels_compile_for_gpus_that_are_not_here(capability, dtype):
    import triton
    import triton.language as tl
    from triton.backends.compiler import GPUTarget
    from triton.compiler import ASTSource

    from custom_modules.ops import ms_deform_attn_triton as kernels

    total = "fp64" if dtype == "fp64" else "fp32"
    types = dict(shapes="*i64", starts="*i64", queries="i32", pixels="i32", heads="i32")
    types |= dict.fromkeys(("grad_value", "grad_locations", "grad_attention"), f"*{total}")
    types |= dict.fromkeys(("value", "locations", "attention", "output", "grad_output"), f"*{dtype}")
    constants = dict(CHANNELS=32, BLOCK_CHANNELS=32, LEVELS=4, POINTS=4, BLOCK_QUERIES=kernels.QUERIES)
    constants["SUM"] = tl.float64 if dtype == "fp64" else tl.float32
    for kernel in (kernels._forward, kernels._backward):
        signature = {name: types.get(name, "constexpr") for name in kernel.arg_names}
        places = {(kernel.arg_names.index(name),): value for name, value in constants.items()}
        compiled = triton.compile(ASTSource(kernel, signature, places), target=GPUTarget("cuda", capability, 32))
        assert compiled.asm["cubin"]


@pytest.mark.gpu
@pytest.mark.skipif(not torch.cuda.is_available(), reason="no CUDA device here")
@pytest.mark.parametrize("dtype", PRECISIONS)
@pytest.mark.parametrize("sizes", [{}, dict(queries=300, channels=32, heads=8, points=4), dict(queries=0)])
def test_kernels_equal_the_plain_form_on_a_gpu(dtype, sizes):
    assert max(attention_cases.differences("cuda", dtype, **sizes)) < PRECISIONS[dtype]


@pytest.mark.gpu
@pytest.mark.skipif(not torch.cuda.is_available(), reason="no CUDA device here")
def test_mmcvs_layer_uses_the_kernels_when_asked_to(monkeypatch):
    from mmcv.ops.multi_scale_deform_attn import MultiScaleDeformableAttnFunction

    from custom_modules.ops import ms_deform_attn_triton

    calls = []
    original = ms_deform_attn_triton.forward
    monkeypatch.setattr(ms_deform_attn_triton, "forward", lambda *args: calls.append(1) or original(*args))
    monkeypatch.setenv("SORTLINE_TRITON", "1")
    value, locations, attention = (tensor.cuda() for tensor in attention_cases.case())
    MultiScaleDeformableAttnFunction.apply(value, *attention_cases.levels("cuda"), locations, attention, 64)
    assert calls == [1]


def test_without_a_gpu_the_plain_form_serves_whatever_is_asked(monkeypatch):
    from custom_modules.ops.ms_deform_attn import _kernels

    monkeypatch.setenv("SORTLINE_TRITON", "1")
    assert _kernels(torch.zeros(1)) is None
