"""The load generator: a process with so many connections, each one request at a time.

Requests are built and signed before the clock starts. Prints one JSON object.
"""

from __future__ import annotations

import asyncio
import json
import sys
import time
from typing import Any

import uvloop

from bench import payloads

#: Seconds of load before counting starts.
WARM_UP_S = 0.5


class Run:
    """The requests still to send, and what came of those that were sent."""

    def __init__(self, requests: list[bytes]) -> None:
        self.requests = iter(requests)
        self.latencies: list[float] = []
        #: Answers with 200, all of them and those inside the measured time.
        self.good = self.counted = 0
        self.bad: list[str] = []
        self.counts_from = 0.0
        self.until = 0.0
        self.ran_out = False
        self.open = 0
        self.done = asyncio.Event()


class Client(asyncio.Protocol):
    """One connection."""

    def __init__(self, run: Run) -> None:
        self._run = run
        self._buffer = b""
        self._sent_at = 0.0

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport: Any = transport
        self._run.open += 1

    def connection_lost(self, exc: Exception | None) -> None:
        self._run.open -= 1
        if not self._run.open:
            self._run.done.set()

    def send(self) -> None:
        """Send the next request, or hang up when the time is over."""
        now = time.perf_counter()
        request = next(self._run.requests, None) if now < self._run.until else None
        if request is None:
            self._run.ran_out = self._run.ran_out or now < self._run.until
            self._transport.close()
            return
        self._sent_at = now
        self._transport.write(request)

    def data_received(self, data: bytes) -> None:
        self._buffer += data
        buffer = self._buffer
        end = buffer.find(b"\r\n\r\n")
        if end < 0:
            return
        start = buffer.find(b"content-length: ") + 16
        size = int(buffer[start : buffer.find(b"\r\n", start)])
        if len(buffer) < end + 4 + size:
            return
        self._buffer = b""
        run, now = self._run, time.perf_counter()
        if buffer.startswith(b"HTTP/1.1 200"):
            run.good += 1
            if run.counts_from <= now < run.until:
                run.counted += 1
                run.latencies.append(now - self._sent_at)
        else:
            run.bad.append(buffer[:300].decode("latin-1"))
        self.send()


async def run_load(port: int, connections: int, seconds: float, run: Run) -> None:
    """Keep the connections busy for so long."""
    loop = asyncio.get_running_loop()
    clients = [
        (await loop.create_connection(lambda: Client(run), "127.0.0.1", port))[1]
        for _ in range(connections)
    ]
    run.counts_from = time.perf_counter() + WARM_UP_S
    run.until = run.counts_from + seconds
    for client in clients:
        client.send()
    await run.done.wait()


def percentile(values: list[float], share: float) -> float:
    """The value that this share of all values does not exceed."""
    ordered = sorted(values)
    return ordered[min(len(ordered) - 1, int(share * len(ordered)))] if ordered else 0.0


def main() -> None:
    """`load.py PORT PATH CONNECTIONS SECONDS COUNT FIRST_ID`"""
    port, path = int(sys.argv[1]), sys.argv[2]
    connections, seconds = int(sys.argv[3]), float(sys.argv[4])
    count, first = int(sys.argv[5]), int(sys.argv[6])
    run = Run(
        [
            payloads.request(path, payloads.message_created(number, number % 50_000))
            for number in range(first, first + count)
        ]
    )
    used = time.process_time()
    uvloop.run(run_load(port, connections, seconds, run))
    print(
        json.dumps(
            {
                "per_s": run.counted / seconds,
                "good": run.good,
                "bad": len(run.bad),
                "first_bad": run.bad[0] if run.bad else "",
                "ran_out": run.ran_out,
                "p50_ms": percentile(run.latencies, 0.5) * 1000,
                "p99_ms": percentile(run.latencies, 0.99) * 1000,
                "generator_us": (time.process_time() - used) / max(run.good, 1) * 1e6,
            }
        )
    )


if __name__ == "__main__":
    main()
