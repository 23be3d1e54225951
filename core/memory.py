"""Memory: what the collector of garbage need not look at, and what the C library keeps."""

from __future__ import annotations

import ctypes
import gc
import sys
from typing import Final

#: glibc's number of the parameter, from malloc.h.
_M_ARENA_MAX: Final = -8
#: Heaps of the C library. It makes one for each thread up to eight per core, and each keeps
#: what it once needed; only one thread at a time runs Python anyway.
ARENAS: Final = 2


#: New objects after which garbage is looked for. Whatever waits for a model lives for a
#: second or more, and each look finds nearly all of it alive.
_NEW_OBJECTS: Final = 50_000


def settle() -> None:
    """Take all that is loaded by now as what stays; takes some tenths of a second.

    To look through every module again and again cost more than the search for an answer.
    """
    gc.collect()
    gc.freeze()
    gc.set_threshold(_NEW_OBJECTS, 20, 20)


def give_back() -> None:
    """Return it to the system where that is possible; takes some tens of milliseconds."""
    if sys.platform != "linux":
        return
    # Only glibc has it; others return what is free by themselves.
    trim = getattr(ctypes.CDLL(None), "malloc_trim", None)
    if trim is not None:
        trim(0)


def share_heaps() -> None:
    """Let threads share the C library's heaps; before there are many threads."""
    if sys.platform != "linux":
        return
    # Others than glibc have it not, or do nothing.
    mallopt = getattr(ctypes.CDLL(None), "mallopt", None)
    if mallopt is not None:
        mallopt(_M_ARENA_MAX, ARENAS)
