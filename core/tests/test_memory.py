import ctypes
import subprocess
import sys

import pytest

from core import memory

#: Threads that allocate at the same time, and what the C library says of its heaps.
_MANY_THREADS = """
import ctypes, threading
from core import memory

memory.share_heaps()
everybody = threading.Barrier(16)

def hold():
    held = [bytearray(1000) for _ in range(100)]
    everybody.wait()

threads = [threading.Thread(target=hold) for _ in range(16)]
for each in threads:
    each.start()
for each in threads:
    each.join()
libc = ctypes.CDLL(None)
libc.fdopen.restype = ctypes.c_void_p
output = ctypes.c_void_p(libc.fdopen(1, b"w"))
libc.malloc_info(0, output)
libc.fflush(output)
"""


def test_free_memory_can_be_given_back_any_time():
    memory.give_back()
    memory.give_back()


@pytest.mark.skipif(
    not hasattr(ctypes.CDLL(None), "malloc_info"),
    reason="Only glibc tells of its heaps.",
)
def test_many_threads_share_few_heaps():
    told = subprocess.run(
        [sys.executable, "-c", _MANY_THREADS],
        capture_output=True,
        text=True,
        check=True,
    ).stdout

    assert 1 <= told.count("<heap nr=") <= memory.ARENAS
