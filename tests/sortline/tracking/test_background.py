"""Work in the background: in order, never waited for, and never in the way."""

import threading

import pytest

pytest.importorskip("mmengine")

from sortline.tracking.background import Background

pytestmark = pytest.mark.mm


def test_actions_are_done_in_order_and_errors_are_told():
    done, errors = [], []
    background = Background(errors.append)

    def fail():
        raise ValueError("broken")

    for action in (lambda: done.append(1), fail, lambda: done.append(2)):
        assert background.do(action)
    assert background.finish(seconds=10)
    assert done == [1, 2], "an error stops nothing by itself"
    assert [str(error) for error in errors] == ["broken"]


def test_an_action_that_hangs_holds_up_nobody():
    release, started = threading.Event(), threading.Event()
    background = Background(lambda error: None, capacity=2)

    def hang():
        started.set()
        release.wait()

    background.do(hang)
    assert started.wait(10)
    assert [background.do(lambda: None) for _ in range(3)] == [True, True, False], "the third has no place"
    assert not background.finish(seconds=0.05)
    release.set()
