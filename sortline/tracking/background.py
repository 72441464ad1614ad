"""Work that must not hold up a training: done one thing after the other in a thread."""

from __future__ import annotations

import queue
import threading
from collections.abc import Callable

Action = Callable[[], object]
#: Actions that may wait. A tracker that has stopped answering must not fill the memory.
CAPACITY = 1000


class Background:
    """Does actions in the order given, in a thread of its own.

    Args:
        on_error: Called in that thread with what an action raises.
        capacity: Actions that may wait; further ones are refused.
    """

    def __init__(self, on_error: Callable[[Exception], None], capacity: int = CAPACITY) -> None:
        self._actions: queue.Queue[Action | None] = queue.Queue(capacity)
        self._on_error = on_error
        # A daemon: a call that never returns must not keep the process from ending.
        self._thread = threading.Thread(target=self._work, name="tracking", daemon=True)
        self._thread.start()

    def do(self, action: Action) -> bool:
        """Queue an action; return at once whether there was room for it."""
        try:
            self._actions.put_nowait(action)
        except queue.Full:
            return False
        return True

    def finish(self, seconds: float) -> bool:
        """Take no further action and wait for those given.

        Args:
            seconds: How long to wait at most.

        Returns:
            Whether all are done.
        """
        try:
            self._actions.put(None, timeout=seconds)
        except queue.Full:
            return False
        self._thread.join(seconds)
        return not self._thread.is_alive()

    def _work(self) -> None:
        while (action := self._actions.get()) is not None:
            try:
                action()
            except Exception as error:
                self._on_error(error)
