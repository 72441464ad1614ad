"""Secrets hidden in command lines and source text, by the same names as in settings."""

from __future__ import annotations

import re
import shlex
from collections.abc import Sequence

from custom_modules.experiments.tracking.identity import HIDDEN, SECRET_KEY, URL_LOGIN

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
