"""Row 5: whole replies over HTTP from knowledge bases of several sizes, embedded."""

from __future__ import annotations

import http.client
import random
import time
from typing import Any

import orjson

from bench import library
from bench.load import percentile
from bench.machine import Meter, memory_mb
from bench.stage import Service, Stage, free_port, stopping, wait_for_port

SIZES = (1_000, 10_000, 100_000)
QUESTIONS = 300
#: Asked before the clock runs, so that the index is there.
_WARM_UP = 20


def measure(stage: Stage) -> dict[str, Any]:
    """For each size: milliseconds of a reply, memory, seconds to the first reply."""
    return {f"entries_{size}": _measure_size(stage, size) for size in SIZES}


def _measure_size(stage: Stage, size: int) -> dict[str, Any]:
    env = stage.env(DATABASE_URL=stage.sqlite(), EMBEDDINGS="local")
    stage.run(["manage.py", "migrate", "--verbosity", "0", "--no-input"], env)
    made = stage.run(["-m", "bench.product", "fill", str(size)], env)
    port = free_port()
    service = stage.start(
        "serve", ["manage.py", "serve"], {**env, "HOST": "127.0.0.1", "PORT": str(port)}
    )
    with stopping(service):
        wait_for_port(port, service, seconds=60)
        return {"import_per_s": made["per_s"], **_ask_all(service, port, made, size)}


def _ask_all(
    service: Service, port: int, made: dict[str, Any], size: int
) -> dict[str, Any]:
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=120)
    chance = random.Random(size)
    began = time.monotonic()
    _ask(connection, made["channel_key"], chance.randrange(size))
    first_s = time.monotonic() - began
    for _ in range(_WARM_UP):
        _ask(connection, made["channel_key"], chance.randrange(size))
    meter = Meter(service.pid)
    spent = []
    for _ in range(QUESTIONS):
        number = chance.randrange(size)
        began = time.monotonic()
        _ask(connection, made["channel_key"], number)
        spent.append(time.monotonic() - began)
    return {
        "p50_ms": percentile(spent, 0.5) * 1000,
        "p95_ms": percentile(spent, 0.95) * 1000,
        "first_s": first_s,
        "rss_mb": memory_mb(service.pid, "VmRSS"),
        "peak_mb": memory_mb(service.pid, "VmHWM"),
        "foreign": meter.stop()["foreign"],
    }


def _ask(connection: http.client.HTTPConnection, key: str, number: int) -> Any:
    """One question in a session of its own."""
    body = orjson.dumps(
        {
            "message": library.question(number),
            "session_id": f"bench-{number}-{time.monotonic_ns()}",
            "user_info": {
                "agent_id": f"agent-{number}",
                "name": "Bat",
                "email": "bat@example.com",
                "agency": "Bench",
                "office": "Bench",
            },
        }
    )
    head = {"Content-Type": "application/json", "X-Channel-Key": key}
    connection.request("POST", "/api/agent/customer/", body, head)
    response = connection.getresponse()
    content = response.read()
    if response.status != 200:
        raise SystemExit(f"The service answered {response.status}: {content[:300]!r}")
    return orjson.loads(content)
