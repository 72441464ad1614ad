"""Secrets leave no trace in command lines and source text; all else stays."""

import pytest

from sortline.secrets import command_line, hide_in_text


@pytest.mark.parametrize(
    ("arguments", "shown"),
    [
        (["train.py", "x.py", "--seed", "3"], "python train.py x.py --seed 3"),
        (["train.py", "--cfg-options", "a.api_key=s3cret"], "python train.py --cfg-options 'a.api_key=(hidden)'"),
        (["x.py", "--password", "s3cret", "--seed", "1"], "python x.py --password '(hidden)' --seed 1"),
        (["x.py", "--password=s3cret"], "python x.py '--password=(hidden)'"),
        (["x.py", "url=https://me:s3cret@host/x"], "python x.py 'url=https://(hidden)@host/x'"),
        (["x.py", "num_tokens=3", "--token"], "python x.py num_tokens=3 --token"),
    ],
)
def test_a_command_line_is_kept_without_its_secrets(arguments, shown):
    assert command_line(arguments) == shown


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ('+api_key = "s3cret"', '+api_key = "(hidden)"'),
        ("-    dict(hf_token='s3cret', lr=0.1)", "-    dict(hf_token='(hidden)', lr=0.1)"),
        ('{"password": "it\'s s3cret"}', '{"password": "(hidden)"}'),
        ('name = "run", token = b"s3cret\\"s"', 'name = "run", token = b"(hidden)"'),
        ("git+https://s3cret@host/x", "git+https://(hidden)@host/x"),
        ('tokenizer = "bert"\npassword = read()', 'tokenizer = "bert"\npassword = read()'),
    ],
)
def test_source_text_is_kept_without_its_secrets(text, shown):
    assert hide_in_text(text) == shown
