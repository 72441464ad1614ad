"""A request becomes arguments that the tools read back as the same request."""

import doctest
from dataclasses import replace

import pytest
from _options import request_of
from train import parse_args

from sortline.pipeline import request as module
from sortline.pipeline.request import RunRequest


def test_the_example_holds():
    assert doctest.testmod(module).failed == 0


@pytest.mark.parametrize(
    "request_",
    [
        RunRequest("a b.py"),
        RunRequest("x.py", ["model.depth=1", "a=[1,2]"], "data", "runs/x y", fold=0, seed=0, smoke=True),
        RunRequest("x.py", amp="bf16", auto_scale_lr=True, from_scratch=True, trust_checkpoint=True),
        RunRequest("x.py", all_data=True, epochs_from="work_dirs/x", launcher="pytorch", auto_batch=True),
        RunRequest("x.py", resume="auto"),
        RunRequest("x.py", resume="epoch_3.pth"),
        RunRequest("x.py", resume="auto", resume_or_start=True),
    ],
)
def test_arguments_are_read_back_as_the_same_request(request_, monkeypatch):
    monkeypatch.setenv("LOCAL_RANK", "0")
    assert replace(request_of(parse_args(request_.arguments())), cfg_options=request_.cfg_options) == request_


def test_a_test_gets_no_options_of_training():
    training = RunRequest("x.py", ["a=1"], fold=0, seed=3, amp="bf16", auto_scale_lr=True, resume="auto")
    assert training.for_test().arguments() == ["x.py", "--cfg-options", "a=1", "--fold", "0", "--seed", "3"]


def test_going_on_keeps_everything_else():
    assert RunRequest("x.py", amp="fp16", resume="old.pth").resumed().arguments() == [
        "x.py",
        "--amp",
        "fp16",
        "--resume",
    ]
