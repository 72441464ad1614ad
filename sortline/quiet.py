"""Keeping other libraries' chatter out of a log."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from contextlib import contextmanager


@contextmanager
def only_errors(logger: logging.Logger) -> Iterator[None]:
    """Keep a logger's warnings back for a while."""
    level = logger.level
    logger.setLevel(logging.ERROR)
    try:
        yield
    finally:
        logger.setLevel(level)
