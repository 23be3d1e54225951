"""Memory that Python has freed and the C library keeps for itself."""

from __future__ import annotations

import ctypes
import sys


def give_back() -> None:
    """Return it to the system where that is possible; takes some tens of milliseconds."""
    if sys.platform != "linux":
        return
    # Only glibc has it; others return what is free by themselves.
    trim = getattr(ctypes.CDLL(None), "malloc_trim", None)
    if trim is not None:
        trim(0)
