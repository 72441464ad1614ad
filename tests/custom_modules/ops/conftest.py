"""What the tests of the ops share."""

import pytest

import custom_modules  # noqa: F401  (mmcv.ops can be imported from here on)


@pytest.fixture(params=["cpu", pytest.param("cuda", marks=pytest.mark.gpu)])
def device(request):
    """The device under test; CUDA only where there is one."""
    import torch

    if request.param == "cuda" and not torch.cuda.is_available():
        pytest.skip("no CUDA device here")
    return request.param
