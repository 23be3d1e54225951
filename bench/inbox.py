"""Rows 1: the webhook inbox beside an in-memory echo of the same server."""

from __future__ import annotations

import sqlite3
import statistics
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import psycopg

from bench.machine import QUIET, Meter
from bench.stage import Service, Stage, stopping

if TYPE_CHECKING:
    from collections.abc import Callable

#: Rounds that count, and rounds at most while others keep the machine busy.
ROUNDS = 3
MOST_ROUNDS = 5
SECONDS = 2.0
#: Requests per second that are built for the first round; later ones know better.
FIRST_PER_S = 16_000
GOAL_RATIO = 0.7
GOAL_P99_MS = 20.0


#: What one round gave for our inbox and, right after it, for the echo.
Pair = tuple[dict[str, Any], dict[str, Any]]


@dataclass(frozen=True)
class Target:
    """A server under load."""

    service: Service
    port: int
    path: str
    database: str = ""


class Inbox:
    """Loads both servers in turn and checks that each 200 is a stored event."""

    def __init__(self, stage: Stage, count_events: Callable[[], int]) -> None:
        self._stage = stage
        self._count_events = count_events
        self._next_id = 1
        self._stored = 0
        self._expected_per_s = float(FIRST_PER_S)

    def load(self, target: Target, connections: int, seconds: float) -> dict[str, Any]:
        """One round; raises SystemExit when an answered event is not stored."""
        count = int(self._expected_per_s * (seconds + 0.5))
        meter = Meter(target.service.pid, target.database)
        result: dict[str, Any] = self._stage.run(
            ["-m", "bench.load", str(target.port), target.path, str(connections),
             str(seconds), str(count), str(self._next_id)],
            self._stage.env(),
        )  # fmt: skip
        self._next_id += count
        spent = meter.stop()
        result["foreign"] = spent["foreign"]
        result["server_us"] = spent["service_s"] / max(result["good"], 1) * 1e6
        result["database_us"] = spent["database_s"] / max(result["good"], 1) * 1e6
        self._expected_per_s = max(4_000.0, 1.6 * result["per_s"])
        if result["bad"] or not result["good"]:
            raise SystemExit(f"{target.service.name}: {result}")
        if target.database:
            stored = self._count_events()
            if stored - self._stored != result["good"]:
                raise SystemExit(
                    f"{result['good']} events were answered with 200, but"
                    f" {stored - self._stored} are stored."
                )
            self._stored = stored
        if result["ran_out"]:
            self._expected_per_s = 4.0 * result["per_s"]
            return self.load(target, connections, seconds)
        return result


def measure(stage: Stage, url: str, env: dict[str, str], path: str) -> dict[str, Any]:
    """The rows of one database, as figures."""
    is_sqlite = url.startswith("sqlite")
    # The embedded size is one process; a server has one per core.
    workers = 1 if is_sqlite else 2
    product, product_port = stage.uvicorn("core.asgi:application", workers, env)
    with stopping(product):
        echo, echo_port = stage.uvicorn("bench.echo:app", workers, stage.env())
        with stopping(echo):
            inbox = Inbox(stage, lambda: count_events(url))
            name = url.rsplit("/", 1)[1]
            ours = Target(product, product_port, path, name)
            peer = Target(echo, echo_port, "/webhook/chatwoot")
            pairs: list[Pair] = []
            while not _is_enough(pairs):
                pairs.append(
                    (inbox.load(ours, 256, SECONDS), inbox.load(peer, 256, SECONDS))
                )
            low = inbox.load(ours, 8, SECONDS), inbox.load(peer, 8, SECONDS)
            if _foreign(low) > QUIET:
                again = inbox.load(ours, 8, SECONDS), inbox.load(peer, 8, SECONDS)
                low = min(low, again, key=_foreign)
    quietest = sorted(pairs, key=_foreign)[:ROUNDS]
    return _figures(quietest, low, workers)


def _foreign(pair: Pair) -> float:
    return max(pair[0]["foreign"], pair[1]["foreign"])


def _is_enough(pairs: list[Pair]) -> bool:
    quiet = sum(_foreign(pair) <= QUIET for pair in pairs)
    return quiet >= ROUNDS or len(pairs) >= MOST_ROUNDS


def _figures(pairs: list[Pair], low: Pair, workers: int) -> dict[str, Any]:
    ours, peer = 0, 1

    def median(which: int, field: str) -> float:
        return statistics.median(pair[which][field] for pair in pairs)

    rate, base = median(ours, "per_s"), median(peer, "per_s")
    cpu = median(ours, "server_us") + median(ours, "database_us")
    return {
        "workers": workers,
        "ratio": rate / base,
        "goal_ratio": GOAL_RATIO,
        "per_s": rate,
        "per_s_rounds": [pair[ours]["per_s"] for pair in pairs],
        "echo_per_s": base,
        "echo_per_s_rounds": [pair[peer]["per_s"] for pair in pairs],
        "cpu_us": cpu,
        "server_us": median(ours, "server_us"),
        "database_us": median(ours, "database_us"),
        "echo_us": median(peer, "server_us"),
        "cpu_ratio": median(peer, "server_us") / cpu,
        "generator_us": median(ours, "generator_us"),
        "p50_ms_256": median(ours, "p50_ms"),
        "p99_ms_256": median(ours, "p99_ms"),
        "p50_ms_8": low[0]["p50_ms"],
        "p99_ms_8": low[0]["p99_ms"],
        "per_s_8": low[0]["per_s"],
        "goal_p99_ms_8": GOAL_P99_MS,
        "echo_p50_ms_8": low[1]["p50_ms"],
        "echo_p99_ms_8": low[1]["p99_ms"],
        "foreign": statistics.mean(each["foreign"] for pair in pairs for each in pair),
        "foreign_8": low[0]["foreign"],
        "stored": sum(pair[ours]["good"] for pair in pairs) + low[0]["good"],
    }


def count_events(url: str) -> int:
    """How many events are durably there, seen from outside the product."""
    sql = "SELECT count(*) FROM integrations_event"
    if url.startswith("sqlite:///"):
        with sqlite3.connect(url.removeprefix("sqlite:///")) as file:
            return int(file.execute(sql).fetchone()[0])
    with psycopg.connect(url) as session:
        row = session.execute(sql).fetchone()
        return int(row[0]) if row else 0
