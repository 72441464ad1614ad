"""A password in a config is refused by its key; what only looks alike passes."""

import pytest
from mmengine.config import Config

from sortline.pipeline.check.secrets import check_secrets


@pytest.mark.parametrize(
    ("settings", "key"),
    [
        ({"init_kwargs": {"api_key": "abc"}}, "init_kwargs.api_key"),
        ({"backends": [{"type": "A"}, {"hf_token": "abc"}]}, "backends.1.hf_token"),
        ({"data_root": "https://me:abc@host/data"}, "data_root"),
        ({"mirrors": ["https://host/a", "https://me:abc@host/b"]}, "mirrors"),
    ],
)
def test_a_secret_is_named_and_not_repeated(settings, key):
    (problem,) = check_secrets(Config(settings))
    assert problem.where == key
    assert "abc" not in str(problem)
    assert "WANDB_API_KEY" in problem.remedy


def test_what_is_no_secret_passes():
    harmless = {
        "num_tokens": 3,
        "tokenizer": "bert",
        "password": "",
        "token": None,
        "url": "https://host/x",
        "secret": 1,
    }
    assert check_secrets(Config(harmless)) == []
