import pytest

torch = pytest.importorskip("torch")
pytestmark = pytest.mark.mm


def scheduler():
    from mmengine.registry import PARAM_SCHEDULERS

    import custom_modules.register_all  # noqa: F401

    optimizer = torch.optim.SGD([torch.nn.Parameter(torch.zeros(1))], lr=0.1)
    settings = dict(type="OneCycleLR", eta_max=0.1, total_steps=10, pct_start=0.3)
    return PARAM_SCHEDULERS.build(settings, default_args=dict(optimizer=optimizer))


def rates(one_cycle, steps):
    found = []
    for _ in range(steps):
        one_cycle.optimizer.step()
        one_cycle.step()
        found.append(one_cycle.optimizer.param_groups[0]["lr"])
    return found


def test_it_rises_to_its_peak_and_falls():
    """From 0.1 / 25 to 0.1 at 3 of 10 steps, then to 0.1 / 25 / 10,000."""
    one_cycle = scheduler()
    assert one_cycle.optimizer.param_groups[0]["lr"] == pytest.approx(0.1 / 25)
    found = rates(one_cycle, 9)
    assert max(found) == found[1] == pytest.approx(0.1)
    assert found[-1] == pytest.approx(0.1 / 25 / 10_000)


def test_its_state_is_read_without_running_code_and_goes_on(tmp_path):
    whole = rates(scheduler(), 9)
    first = scheduler()
    rates(first, 4)
    torch.save([first.state_dict(), first.optimizer.state_dict()], tmp_path / "state.pth")
    second = scheduler()
    state, optimizer = torch.load(tmp_path / "state.pth", weights_only=True)
    second.optimizer.load_state_dict(optimizer)
    second.load_state_dict(state)
    assert rates(second, 5) == pytest.approx(whole[4:])
