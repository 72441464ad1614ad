import pytest

torch = pytest.importorskip("torch")
pytestmark = pytest.mark.mm


def wrapper(model, **settings):
    from custom_modules.optim import BFloat16OptimWrapper

    return BFloat16OptimWrapper(optimizer=torch.optim.SGD(model.parameters(), lr=0.1), **settings)


def test_a_step_is_that_of_bfloat16_with_weights_in_float32():
    model = torch.nn.Linear(3, 1, bias=False)
    reference = model.weight.detach().clone()
    inputs = torch.randn(4, 3, generator=torch.Generator().manual_seed(0))
    optim = wrapper(model)
    with optim.optim_context(model):
        outputs = model(inputs)
    assert outputs.dtype == torch.bfloat16
    optim.update_params(outputs.float().sum())
    assert model.weight.dtype == torch.float32
    # The gradient of the sum is the sum of the inputs, each rounded to bfloat16: 8 bits.
    expected = reference - 0.1 * inputs.sum(0, keepdim=True)
    torch.testing.assert_close(model.weight.detach(), expected, rtol=2**-7, atol=2**-7)


def test_gradients_are_clipped_and_accumulated_as_without_it():
    model = torch.nn.Linear(1, 1, bias=False)
    before = model.weight.item()
    optim = wrapper(model, accumulative_counts=2, clip_grad=dict(max_norm=1.0))
    for _ in range(2):
        with optim.optim_context(model):
            outputs = model(torch.tensor([[8.0]]))
        optim.update_params(outputs.float().sum())
    assert model.weight.item() == pytest.approx(before - 0.1 * 1.0)


def test_its_state_is_kept_and_restored():
    model = torch.nn.Linear(1, 1)
    first, second = wrapper(model), wrapper(model)
    state = first.state_dict()
    second.load_state_dict(state)
    assert second.state_dict()["param_groups"] == first.state_dict()["param_groups"]


@pytest.mark.gpu
def test_on_a_gpu_it_needs_no_loss_scaling():
    if not torch.cuda.is_available():
        pytest.skip("needs a CUDA device")
    model = torch.nn.Linear(3, 1).cuda()
    optim = wrapper(model)
    with optim.optim_context(model):
        loss = model(torch.ones(2, 3, device="cuda")).float().sum()
    optim.update_params(loss)
    assert not optim.loss_scaler.is_enabled()
