"""How the hot loops over predictions are compiled: one decorator for all of them."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeVar

import numba

Function = TypeVar("Function", bound=Callable[..., Any])


def compiled(function: Function) -> Function:
    """Compile at the first call, keep the machine code on disk, and let other threads run meanwhile.

    Floats are computed in the order written; a division by zero gives infinity or NaN, as in numpy. What a
    compiled function calls or reads must be in its own file: the code on disk is renewed only when that changes.
    """
    return numba.njit(cache=True, nogil=True, error_model="numpy")(function)  # type: ignore[return-value]
