"""Row 6: many sessions of the chat API that wait at once for a slow model."""

from __future__ import annotations

import asyncio
import statistics
import threading
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

import orjson

from bench import payloads
from bench.engine import Fakes
from bench.load import percentile
from bench.machine import Meter, memory_mb
from bench.stage import free_port, stopping, wait_for_port

if TYPE_CHECKING:
    from bench.stage import Service, Stage

SESSIONS = 200
ROUNDS = 3
MODEL_S = 2.0


def measure_embedded(stage: Stage) -> dict[str, Any]:
    """Everything in one process, on SQLite."""
    env, fakes, key = _prepare(stage, DATABASE_URL=stage.sqlite())
    port = free_port()
    service = stage.start(
        "serve", ["manage.py", "serve"], {**env, "HOST": "127.0.0.1", "PORT": str(port)}
    )
    with stopping(service):
        wait_for_port(port, service, seconds=60)
        return _measure(service, port, fakes, key)


def measure_server(stage: Stage) -> dict[str, Any]:
    """A web process and a worker, on PostgreSQL and Redis."""
    url, redis_url = stage.postgresql(), stage.redis()
    env, fakes, key = _prepare(stage, DATABASE_URL=url, REDIS_URL=redis_url)
    worker = stage.worker(env)
    web, port = stage.uvicorn("core.asgi:application", 1, env)
    with stopping(worker, web):
        return _measure(web, port, fakes, key)


def _prepare(stage: Stage, **values: str) -> tuple[dict[str, str], Fakes, str]:
    fakes = Fakes(stage)
    env = stage.env(
        **values,
        OPENAI_API_KEY="bench",
        OPENAI_BASE_URL=f"{fakes.url}/v1",
        OPENAI_API_STYLE="chat",
        OPENAI_MODEL="bench",
    )
    stage.run(["manage.py", "migrate", "--verbosity", "0", "--no-input"], env)
    made = stage.run(["-m", "bench.product", "seed", fakes.url], env)
    return env, fakes, made["channel_key"]


def _measure(service: Service, port: int, fakes: Fakes, key: str) -> dict[str, Any]:
    fakes.begin(0.05)
    asyncio.run(_ask_all(port, key, 1, is_warm=False))
    asyncio.run(_ask_all(port, key, 5, is_warm=False))
    fakes.begin(MODEL_S)
    idle_mb = memory_mb(service.pid)
    meter = Meter(service.pid)
    spent: list[float] = []
    most: list[int] = []
    with _Threads(service.pid, most):
        for _ in range(ROUNDS):
            spent += asyncio.run(_ask_all(port, key, SESSIONS))
    cost = meter.stop()
    report = fakes.report()
    return {
        "p50_s": percentile(spent, 0.5),
        "p95_s": percentile(spent, 0.95),
        "most_s": max(spent),
        "mean_s": statistics.mean(spent),
        "in_flight": report["most_in_flight"],
        "threads": max(most),
        "rss_mb": memory_mb(service.pid, "VmHWM"),
        "grown_mb": memory_mb(service.pid, "VmHWM") - idle_mb,
        "cpu_ms": cost["service_s"] / len(spent) * 1000,
        "foreign": cost["foreign"],
    }


async def _ask_all(
    port: int, key: str, count: int, *, is_warm: bool = True
) -> list[float]:
    """One question in each of so many new sessions, at once; seconds each took."""
    streams = [await asyncio.open_connection("127.0.0.1", port) for _ in range(count)]
    asked = (_ask(*stream, key, number) for number, stream in enumerate(streams))
    found = await asyncio.gather(*asked)
    # The first reply loads what the others find loaded, and may come too late.
    for _, answer in found:
        if is_warm and b'"requires_escalation": false' not in answer:
            raise SystemExit(f"The service answered {answer[:1500]!r}")
    return [spent for spent, _ in found]


async def _ask(
    reader: asyncio.StreamReader, writer: asyncio.StreamWriter, key: str, number: int
) -> tuple[float, bytes]:
    name = f"{time.monotonic_ns()}-{number}"
    body = orjson.dumps(
        {
            "message": payloads.QUESTION,
            "session_id": f"customer-session-{name}",
            "user_info": {
                "agent_id": name,
                "name": "Bat",
                "email": "bat@example.com",
                "agency": "Bench",
                "office": "Bench",
            },
        }
    )
    began = time.monotonic()
    writer.write(
        b"POST /api/agent/customer/ HTTP/1.1\r\nhost: localhost\r\n"
        b"connection: close\r\ncontent-type: application/json\r\n"
        b"x-channel-key: %b\r\ncontent-length: %d\r\n\r\n%b"
        % (key.encode(), len(body), body)
    )
    answer = await reader.read()
    spent = time.monotonic() - began
    writer.close()
    return spent, answer


class _Threads:
    """Notes how many threads a process has, for the length of a block."""

    def __init__(self, pid: int, most: list[int]) -> None:
        self._tasks = Path(f"/proc/{pid}/task")
        self._most = most
        self._end = threading.Event()
        self._thread = threading.Thread(target=self._watch, daemon=True)

    def __enter__(self) -> None:
        self._thread.start()

    def __exit__(self, *_: object) -> None:
        self._end.set()
        self._thread.join()

    def _watch(self) -> None:
        while not self._end.wait(0.1):
            self._most.append(len(list(self._tasks.iterdir())))
