"""Passwords and the like, found by the names that hold them, hidden in settings, command lines and source text."""

from __future__ import annotations

import re
import shlex
from collections.abc import Mapping, Sequence
from typing import Any

HIDDEN = "(hidden)"
# Whole words of a key's name: num_tokens and tokenizer hold no secret.
SECRET_KEY = re.compile(
    r"(^|[_\-.])(api[_\-]?keys?|access[_\-]?keys?|private[_\-]?keys?|secrets?|passwords?|passwd|passphrase|token"
    r"|credentials?|authorization)($|[_\-.])",
    re.IGNORECASE,
)
URL_LOGIN = re.compile(r"(?<=://)[^/@\s]+(?=@)")

# A name, an equals sign or colon, a quoted text: api_key = "...", "api_key": "...".
ASSIGNED_TEXT = re.compile(r"([\w\-.]+)([\"']?\s*[=:]\s*[rbfu]{0,2})([\"'])((?:(?!\3)[^\n\\]|\\.)+)\3", re.IGNORECASE)


def hide_in_text(text: str) -> str:
    """Replace the texts that source code gives to passwords and the like, and logins in addresses.

    >>> hide_in_text('init_kwargs = dict(api_key="abc", name="run")')
    'init_kwargs = dict(api_key="(hidden)", name="run")'
    """

    def hide(match: re.Match[str]) -> str:
        name, between, quote, _ = match.groups()
        return f"{name}{between}{quote}{HIDDEN}{quote}" if SECRET_KEY.search(name) else match[0]

    return URL_LOGIN.sub(HIDDEN, ASSIGNED_TEXT.sub(hide, text))


def command_line(arguments: Sequence[str]) -> str:
    """Write a command line as a shell reads it, without secrets.

    >>> command_line(["train.py", "x.py", "--cfg-options", "a.api_key=abc", "lr=1"])
    "python train.py x.py --cfg-options 'a.api_key=(hidden)' lr=1"
    """
    shown = []
    secret_follows = False
    for argument in arguments:
        name, equals, value = argument.partition("=")
        is_secret = bool(SECRET_KEY.search(name))
        if secret_follows and not argument.startswith("-"):
            shown.append(HIDDEN)
        elif is_secret and value:
            shown.append(f"{name}{equals}{HIDDEN}")
        else:
            shown.append(hide_in_text(argument))
        secret_follows = is_secret and argument.startswith("-") and not equals
    return shlex.join(["python", *shown])


def without_secrets(value: Any, key: str = "") -> Any:
    """Copy a config into what JSON can hold, passwords and the like replaced.

    >>> without_secrets({"user": "me", "hf_token": "abc", "url": "https://me:abc@host/x", "num_tokens": 3})
    {'user': 'me', 'hf_token': '(hidden)', 'url': 'https://(hidden)@host/x', 'num_tokens': 3}

    Args:
        value: A config or any part of one.
        key: The key that holds it.
    """
    if isinstance(value, Mapping):
        return {str(name): without_secrets(item, str(name)) for name, item in value.items()}
    if isinstance(value, list | tuple | set | frozenset):
        return [without_secrets(item, key) for item in value]
    if value is None or isinstance(value, bool | int | float):
        return value
    if SECRET_KEY.search(key) and str(value):
        return HIDDEN
    return URL_LOGIN.sub(HIDDEN, str(value))


def shows_secret(arguments: Sequence[str]) -> bool:
    """Tell whether a command line seems to hold a password or the like.

    >>> shows_secret(["train.py", "--cfg-options", "hf_token=abc"])
    True
    """
    return any(SECRET_KEY.search(text.partition("=")[0]) or URL_LOGIN.search(text) for text in arguments)
