"""How every command-line tool ends: status 0, 2 for what the user can mend, 1 with a traceback for a defect."""

from __future__ import annotations

import errno
import logging
import os
import sys
from collections.abc import Callable
from typing import Any

from sortline.errors import InputError, RunFailed
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
