"""Row 8: calls of Kommo's bots, acknowledged while slow models work.

Kommo wants a 200 within two seconds and sends each call once. The calls come at a steady
pace whatever the answers take; the time of one runs from the moment at which it was due.
"""

from __future__ import annotations

import asyncio
import itertools
import json
import sys
import time
from typing import TYPE_CHECKING, Any

import django
import orjson

from bench import payloads
from bench.engine import Fakes
from bench.load import percentile
from bench.machine import Meter, memory_mb
from bench.stage import free_port, stopping, wait_for_port

if TYPE_CHECKING:
    from bench.stage import Service, Stage

PER_S = 200
SECONDS = 15
MODEL_S = 5.0
#: Accounts of Kommo that call; each takes seven calls a second from us.
ACCOUNTS = 200
CONNECTIONS = 64
GOAL_P99_MS = 100.0
#: Calls that load what the others find loaded.
_WARM_UP = 20
_SECRET = "bench-secret-key"
_CLIENT = "bench-integration"


def measure_embedded(stage: Stage) -> dict[str, Any]:
    """Everything in one process, on SQLite."""
    env, fakes, paths = _prepare(stage, DATABASE_URL=stage.sqlite())
    port = free_port()
    service = stage.start(
        "serve", ["manage.py", "serve"], {**env, "HOST": "127.0.0.1", "PORT": str(port)}
    )
    with stopping(service):
        wait_for_port(port, service, seconds=60)
        return _measure(stage, service, port, fakes, paths)


def measure_server(stage: Stage) -> dict[str, Any]:
    """A web process and a worker, on PostgreSQL and Redis."""
    url, redis_url = stage.postgresql(), stage.redis()
    env, fakes, paths = _prepare(stage, DATABASE_URL=url, REDIS_URL=redis_url)
    worker = stage.worker(env)
    web, port = stage.uvicorn("core.asgi:application", 1, env)
    with stopping(worker, web):
        return _measure(stage, web, port, fakes, paths)


def _prepare(stage: Stage, **values: str) -> tuple[dict[str, str], Fakes, list[str]]:
    fakes = Fakes(stage)
    env = stage.env(
        **values,
        OPENAI_API_KEY="bench",
        OPENAI_BASE_URL=f"{fakes.url}/v1",
        OPENAI_API_STYLE="chat",
        OPENAI_MODEL="bench",
        KOMMO_BASE_URL=fakes.url,
        # All of them work at once.
        ENGINE_CONCURRENCY=str(int(2 * PER_S * MODEL_S)),
    )
    stage.run(["manage.py", "migrate", "--verbosity", "0", "--no-input"], env)
    return env, fakes, stage.run(["-m", "bench.kommo", "seed"], env)["paths"]


def _measure(
    stage: Stage, service: Service, port: int, fakes: Fakes, paths: list[str]
) -> dict[str, Any]:
    names = ",".join(paths)
    fakes.begin(0.05)
    _load(stage, port, names, 0, _WARM_UP, 5)
    fakes.wait("posts", _WARM_UP)
    fakes.begin(MODEL_S)
    meter = Meter(service.pid)
    count = PER_S * SECONDS
    figures = _load(stage, port, names, _WARM_UP, count, PER_S)
    cost = meter.stop()
    report = fakes.wait("posts", count, seconds=120)
    answered = {number for _, number in report["posts"]}
    return {
        **figures,
        "lost": count - len(answered),
        "doubled": len(report["posts"]) - len(answered),
        "in_flight": report["most_in_flight"],
        "rss_mb": memory_mb(service.pid, "VmHWM"),
        "cpu_ms": cost["service_s"] / count * 1000,
        "foreign": cost["foreign"],
    }


def _load(
    stage: Stage, port: int, paths: str, first: int, count: int, per_s: int
) -> dict[str, Any]:
    numbers = [str(each) for each in (port, first, count, per_s)]
    made: dict[str, Any] = stage.run(
        ["-m", "bench.kommo", "load", paths, *numbers], stage.env()
    )
    if made["bad"]:
        raise SystemExit(f"{made['bad']} calls were refused: {made['first_bad']}")
    return made


def seed() -> dict[str, Any]:
    """A business with its knowledge and a channel for each account of Kommo."""
    django.setup()
    from accounts.models import Account
    from bench.product import seed as seed_business
    from integrations.models import Channel

    account = Account.objects.get(pk=seed_business("http://127.0.0.1:9")["account"])
    rows = [
        Channel.objects.create(
            account=account,
            provider="kommo",
            name=f"Kommo {number}",
            external_id=str(number),
            credentials={
                "host": f"shop{number}.kommo.com",
                "integration_id": _CLIENT,
                "secret_key": _SECRET,
                "token": "bench",
                "account_id": str(number),
            },
        )
        for number in range(ACCOUNTS)
    ]
    return {"paths": [each.webhook_path for each in rows]}


def _request(path: str, number: int) -> bytes:
    """A signed call of a bot on a lead of its own."""
    from integrations.kommo import signing

    account = number % ACCOUNTS
    host = f"https://shop{account}.kommo.com"
    now = int(time.time())
    claims = {
        "iss": host, "jti": f"c{number}", "iat": now, "nbf": now, "exp": now + 600,
        "account_id": account, "client_uuid": _CLIENT, "entity_type": "2",
        "entity_id": str(1_000_000 + number),
    }  # fmt: skip
    body = orjson.dumps(
        {
            "token": signing.make(claims, _SECRET, "HS512"),
            "data": {
                "message": payloads.QUESTION,
                "lead_id": str(1_000_000 + number),
                "contact_id": str(number),
                "from": "widget",
            },
            "return_url": f"{host}/api/v4/salesbot/7/continue/{number}",
        }
    )
    head = (
        f"POST {path} HTTP/1.1\r\nhost: 127.0.0.1\r\ncontent-type: application/json\r\n"
        f"content-length: {len(body)}\r\n\r\n"
    )
    return head.encode() + body


async def _send_all(port: int, requests: list[bytes], per_s: int) -> dict[str, Any]:
    """Each at its time; seconds from then to the answer, and what was refused."""
    free: asyncio.Queue[Any] = asyncio.Queue()
    for _ in range(min(CONNECTIONS, len(requests))):
        free.put_nowait(await asyncio.open_connection("127.0.0.1", port))
    start = time.perf_counter() + 0.5
    spent: list[float] = []
    bad: list[str] = []

    async def send(request: bytes, number: int) -> None:
        due = start + number / per_s
        await asyncio.sleep(due - time.perf_counter())
        reader, writer = await free.get()
        writer.write(request)
        head = await reader.readuntil(b"\r\n\r\n")
        size = int(head.lower().split(b"content-length: ")[1].split(b"\r\n")[0])
        body = await reader.readexactly(size)
        spent.append(time.perf_counter() - due)
        free.put_nowait((reader, writer))
        if not head.startswith(b"HTTP/1.1 200"):
            bad.append((head[:80] + body[:200]).decode("latin-1"))

    await asyncio.gather(*map(send, requests, itertools.count()))
    return {
        "p50_ms": percentile(spent, 0.5) * 1000,
        "p99_ms": percentile(spent, 0.99) * 1000,
        "most_ms": max(spent) * 1000,
        "bad": len(bad),
        "first_bad": bad[0] if bad else "",
    }


def main() -> None:
    """`seed | load PATHS PORT FIRST COUNT PER_S`"""
    if sys.argv[1] == "seed":
        print(json.dumps(seed()))
        return
    paths = sys.argv[2].split(",")
    port, first, count, per_s = map(int, sys.argv[3:])
    numbers = range(first, first + count)
    requests = [_request(paths[each % len(paths)], each) for each in numbers]
    print(json.dumps(asyncio.run(_send_all(port, requests, per_s))))


if __name__ == "__main__":
    main()
