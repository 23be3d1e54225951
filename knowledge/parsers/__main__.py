"""The process that parses: a line with kind and size comes in, then the bytes.

One line of JSON goes out: `{"page": …}`, `{"sitemap": …}` or `{"error": …}`.
"""

from __future__ import annotations

import importlib
import json
import logging
import resource
import sys
import warnings
from dataclasses import asdict
from typing import Any

from knowledge.parsers.base import Page, Unreadable

#: Address space that the process may take.
MOST_MEMORY = 1024 * 1024 * 1024

_FORBIDDEN = (
    "os.exec", "os.fork", "os.posix_spawn", "os.remove", "os.rename", "os.system",
    "socket.bind", "socket.connect", "socket.getaddrinfo", "subprocess.Popen",
)  # fmt: skip


def main() -> None:
    """Parse what comes in until the input ends."""
    resource.setrlimit(resource.RLIMIT_AS, (MOST_MEMORY, MOST_MEMORY))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    logging.disable()
    warnings.simplefilter("ignore")
    sys.addaudithook(_refuse)
    replies, sys.stdout = sys.stdout, sys.stderr
    while line := sys.stdin.buffer.readline():
        kind, size = line.split()
        data = sys.stdin.buffer.read(int(size))
        replies.write(json.dumps(_answer(kind.decode(), data)) + "\n")
        replies.flush()


def _answer(kind: str, data: bytes) -> dict[str, Any]:
    try:
        found = importlib.import_module(f"knowledge.parsers.{kind}").parse(data)
    except Unreadable as exc:
        return {"error": str(exc)}
    except MemoryError:
        return {"error": "reading it takes too much memory"}
    except RecursionError:
        return {"error": "it is nested too deeply"}
    except Exception as exc:  # noqa: BLE001 (the edge: what a parser trips over is the file)
        return {"error": f"it cannot be read: {type(exc).__name__}"}
    return {"page" if isinstance(found, Page) else "sitemap": asdict(found)}


def _refuse(event: str, args: tuple[Any, ...]) -> None:
    """Parsers read what they are given: no network, no programs, no files written."""
    writes = event == "open" and isinstance(args[1], str) and set(args[1]) & set("wax+")
    if writes or event in _FORBIDDEN:
        raise PermissionError(f"A parser may not do this: {event}.")


if __name__ == "__main__":
    main()
