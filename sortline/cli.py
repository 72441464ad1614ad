"""What command-line tools share: how they end (0; 2 for what the user can mend; 1 for a defect), numbers by class."""

from __future__ import annotations

import errno
import logging
import os
import sys
from collections.abc import Callable, Sequence
from typing import Any

from sortline.errors import InputError, Problem, RunFailed
from sortline.files import DISK_FULL

USER_ERRNOS = {
    *DISK_FULL,
    errno.EACCES,
    errno.EPERM,
    errno.EROFS,
    errno.ENOTDIR,
    errno.EISDIR,
    errno.EEXIST,
    errno.ENAMETOOLONG,
}


def run_tool(main: Callable[[], Any]) -> None:
    """Run a tool's ``main`` and exit.

    Bad input, a full disk, a folder without write permission and Ctrl-C give one message on stderr and
    status 2; a run that fails for a reason that is known gives one message and status 1. Anything else is a defect:
    it keeps its traceback and status 1.
    """
    logging.raiseExceptions = False  # a log line that can't be written (`tool | head`) is not worth a traceback
    status = 2
    try:
        main()
    except RunFailed as error:
        message, status = f"error: {error}", 1
    except InputError as error:
        message = "\n".join(f"error: {problem}" for problem in error.problems)
        if len(error.problems) > 1:
            message += f"\n{len(error.problems)} problems"
    except KeyboardInterrupt:
        message = "stopped by Ctrl-C; files already complete stay, nothing half-written is left"
    except BrokenPipeError:
        # The reader of our output went away (`tool | head`): not worth a message, and stdout can't be flushed.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        sys.exit(0)
    except OSError as error:
        if error.errno not in USER_ERRNOS:
            raise
        # When a file can't be renamed, the second name is its own, the first that of the temporary one.
        message = f"error: {error.filename2 or error.filename or 'writing a file'}: {error.strerror}"
        if error.errno in DISK_FULL:
            message += "\n    free some space and run the command again; the previous file, if any, is untouched"
    else:
        sys.exit(0)
    sys.stdout.flush()
    print(message, file=sys.stderr)
    sys.exit(status)


def numbers_by_class(words: Sequence[str], option: str) -> tuple[float | None, dict[str, float]]:
    """Read one number for all classes, then ``CLASS=NUMBER`` for single ones.

    >>> numbers_by_class(["0.55", "Battery=0.4"], "--iou-thr")
    (0.55, {'Battery': 0.4})

    Args:
        words: What follows the option.
        option: Its name, as shown to the user.

    Returns:
        The number for all classes, None if there is none, and those of single ones.

    Raises:
        InputError: A word is neither, or a second number is given for the same.
    """
    general: list[float] = []
    by_class: dict[str, float] = {}
    for word in words:
        name, _, number = word.rpartition("=")
        try:
            value = float(number)
        except ValueError:
            remedy = f"write a number for all classes, then CLASS=NUMBER: {option} 0.55 Battery=0.4"
            raise InputError(Problem(option, f"can't be read: {word!r}", remedy)) from None
        if name in by_class:
            raise InputError(Problem(option, f"has two numbers for {name!r}", "give one"))
        if name:
            by_class[name] = value
        else:
            general.append(value)
    if len(general) > 1:
        raise InputError(Problem(option, f"has {len(general)} numbers for all classes", "give one"))
    return (general[0] if general else None), by_class
