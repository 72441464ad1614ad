"""Workarounds for mmengine's configs, in one place, each until upstream mends it."""

from __future__ import annotations

from functools import lru_cache
from typing import Any

from yapf.yapflib import yapf_api

_format_code = yapf_api.FormatCode


@lru_cache(maxsize=8)
def _format_once(text: str, style: tuple[tuple[str, Any], ...]) -> tuple[str, bool]:
    formatted: tuple[str, bool] = _format_code(text, style_config=dict(style))
    return formatted


def cache_formatting() -> None:
    """Format each config text once.

    ``Config.pretty_text`` runs yapf, half a second or more, whenever it is read: seven times before a short run
    has ended, and again for every checkpoint. Its source imports ``FormatCode`` at each call, so a cached one
    in its place is found. (mmengine/config/config.py, ``Config.pretty_text``)
    """

    def format_code(text: str, style_config: dict[str, Any]) -> tuple[str, bool]:
        return _format_once(text, tuple(style_config.items()))

    yapf_api.FormatCode = format_code
