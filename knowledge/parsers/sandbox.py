"""Parsing in a process of its own, with limits of time and memory."""

from __future__ import annotations

import json
import subprocess
import sys
import threading
from pathlib import Path
from typing import IO, TYPE_CHECKING, Any, Self, cast

from knowledge.parsers.base import Page, Sitemap, Unreadable

if TYPE_CHECKING:
    from types import TracebackType

#: Seconds that one document may take.
TIMEOUT_S = 60.0
#: Bytes of one document.
MOST_BYTES = 20 * 1024 * 1024

_HOME = Path(__file__).resolve().parents[2]


class Parsers:
    """A process that parses one document after the other, started when it is needed.

    A document that takes too long, or takes the process down, costs only itself.
    """

    def __init__(self, *, timeout_s: float = TIMEOUT_S) -> None:
        self._timeout_s = timeout_s
        self._process: subprocess.Popen[bytes] | None = None

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._end()

    def page(self, kind: str, data: bytes) -> Page:
        """The page in these bytes; raises `Unreadable`."""
        return Page(**self._ask(kind, data)["page"])

    def sitemap(self, data: bytes) -> Sitemap:
        """The sitemap in these bytes; raises `Unreadable`."""
        found = self._ask("sitemap", data)["sitemap"]
        return Sitemap(tuple(found["pages"]), tuple(found["sitemaps"]))

    def _ask(self, kind: str, data: bytes) -> dict[str, Any]:
        if len(data) > MOST_BYTES:
            raise Unreadable(f"it is larger than {MOST_BYTES // 1024 // 1024} MB")
        process = self._started()
        is_late = threading.Event()

        def stop() -> None:
            is_late.set()
            process.kill()

        timer = threading.Timer(self._timeout_s, stop)
        timer.start()
        try:
            reply = _exchange(process, kind, data)
        finally:
            timer.cancel()
        if not reply:
            self._end()
            if is_late.is_set():
                raise Unreadable(f"reading it took more than {self._timeout_s:g} s")
            raise Unreadable("reading it broke the parser")
        answer: dict[str, Any] = json.loads(reply)
        if "error" in answer:
            raise Unreadable(answer["error"])
        return answer

    def _started(self) -> subprocess.Popen[bytes]:
        if self._process is None or self._process.poll() is not None:
            self._end()
            # It gets nothing of our environment: that holds secrets.
            self._process = subprocess.Popen(  # noqa: S603 (our own program)
                [sys.executable, "-m", "knowledge.parsers"],
                cwd=_HOME,
                env={"LANG": "C.UTF-8", "PYTHONDONTWRITEBYTECODE": "1"},
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=subprocess.DEVNULL,
            )
        return self._process

    def _end(self) -> None:
        if self._process is not None:
            process, self._process = self._process, None
            process.kill()
            process.wait()
            for pipe in (process.stdin, process.stdout):
                if pipe is not None:
                    _close(pipe)


def _exchange(process: subprocess.Popen[bytes], kind: str, data: bytes) -> bytes:
    """Send a document and read its reply; empty when the process ended instead."""
    into, out = cast("IO[bytes]", process.stdin), cast("IO[bytes]", process.stdout)
    try:
        into.write(f"{kind} {len(data)}\n".encode() + data)
        into.flush()
    except OSError:
        return b""
    reply = out.readline()
    return reply if reply.endswith(b"\n") else b""


def _close(pipe: IO[bytes]) -> None:
    try:
        pipe.close()
    except OSError:
        # What was still to be written has nobody to read it.
        return
