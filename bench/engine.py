"""Rows 2 to 4: the worker, from the commit of a message to the POST at the provider."""

from __future__ import annotations

import contextlib
import os
import signal
import statistics
import threading
import time
import urllib.request
from collections import Counter
from typing import TYPE_CHECKING, Any

import orjson
import psycopg

from bench.load import percentile
from bench.machine import QUIET, Meter, memory_mb
from bench.stage import Service, Stage, free_port, stopping, wait_for_port

if TYPE_CHECKING:
    from collections.abc import Iterator

DRAIN = 1000
#: Runs that count, and runs at most while others keep the machine busy.
DRAIN_RUNS = 3
MOST_DRAIN_RUNS = 5
DRAIN_DELAY_S = 1.0
PACED = 200
PACED_PER_S = 20
KILLED = 50
KILLED_DELAY_S = 2.0
#: How often row 4 is begun anew when the turns did not all run at once.
KILL_TRIES = 3


class Fakes:
    """The fake model and provider, in a process of their own."""

    def __init__(self, stage: Stage) -> None:
        self.port = free_port()
        self.url = f"http://127.0.0.1:{self.port}"
        self._service = stage.start(
            "fakes", ["-m", "bench.fakes", str(self.port)], stage.env()
        )
        wait_for_port(self.port, self._service)

    def begin(self, delay_s: float) -> None:
        """Forget what was; answer after so many seconds from now on."""
        body = orjson.dumps({"delay_s": delay_s})
        with urllib.request.urlopen(f"{self.url}/control", body, timeout=10) as answer:
            answer.read()

    def report(self) -> dict[str, Any]:
        """What came in since."""
        with urllib.request.urlopen(f"{self.url}/report", timeout=10) as answer:
            found: dict[str, Any] = orjson.loads(answer.read())
        return found

    def wait(self, kind: str, count: int, seconds: float = 60) -> dict[str, Any]:
        """Return when so many `calls` or `posts` have come, or the time is over."""
        until = time.monotonic() + seconds
        while True:
            found = self.report()
            if len(found[kind]) >= count or time.monotonic() > until:
                return found
            time.sleep(0.1)


class Engine:
    """One database, the fakes, and the messages sent so far."""

    def __init__(self, stage: Stage, url: str, redis_url: str) -> None:
        self._stage = stage
        self._url = url
        self._name = url.rsplit("/", 1)[1]
        self.fakes = Fakes(stage)
        self._env = stage.env(
            DATABASE_URL=url,
            REDIS_URL=redis_url,
            OPENAI_BASE_URL=f"{self.fakes.url}/v1",
            OPENAI_API_STYLE="chat",
            OPENAI_MODEL="bench",
            CHATWOOT_BASE_URL=self.fakes.url,
        )
        self._thread = 1

    def seed(self) -> dict[str, Any]:
        """Make the business; before anything else."""
        found: dict[str, Any] = self._product("seed", self.fakes.url)
        return found

    def _product(self, *words: object) -> Any:
        return self._stage.run(["-m", "bench.product", *map(str, words)], self._env)

    def worker(self, key: str = "bench") -> Service:
        """Start a worker and return when it shows its sign of life."""
        before = self._lives()
        service = self._stage.worker({**self._env, "OPENAI_API_KEY": key})
        until = time.monotonic() + 40
        while self._lives() == before:
            if service.process.poll() is not None or time.monotonic() > until:
                raise SystemExit(f"No worker:\n{service.log.read_text()[-3000:]}")
            time.sleep(0.1)
        return service

    def _lives(self) -> int:
        sql = "SELECT count(*) FROM pg_stat_activity WHERE datname = %s AND application_name = %s"
        with psycopg.connect(self._url) as session:
            row = session.execute(sql, [self._name, "answerdesk lease"]).fetchone()
        return int(row[0]) if row else 0

    def take(self, count: int) -> int:
        """Numbers for new threads; returns the first."""
        first, self._thread = self._thread, self._thread + count
        return first

    def warm_up(self) -> None:
        """One message, so that SDK and search index are loaded."""
        self.fakes.begin(0.05)
        self._product("burst", self.take(1), 1)
        self.fakes.wait("posts", 1, 20)
        time.sleep(1)

    # row 2

    def drain(self, worker: Service) -> dict[str, Any]:
        """Many waiting at once; how long until the last reply is at the provider."""
        self.fakes.begin(DRAIN_DELAY_S)
        first = self.take(DRAIN)
        with self._watching_connections() as most:
            meter = Meter(worker.pid, self._name)
            sent = self._product("burst", first, DRAIN)
            report = self.fakes.wait("posts", DRAIN)
            time.sleep(1)  # a double would come now
            spent = meter.stop()
        report = self.fakes.report()
        start = sent["committed"][0]
        posts = [at for at, _ in report["posts"]]
        calls = [at for at, _ in report["calls"]]
        return {
            "drain_s": max(posts) - start,
            "first_call_s": min(calls) - start,
            "last_call_s": max(calls) - start,
            "first_post_s": min(posts) - start,
            "late_model_s": statistics.mean(report["late"]),
            "most_in_flight": report["most_in_flight"],
            "cpu_ms": spent["service_s"] / DRAIN * 1000,
            "database_cpu_ms": spent["database_s"] / DRAIN * 1000,
            "connections": max(most),
            "rss_mb": memory_mb(worker.pid, "VmHWM"),
            "foreign": spent["foreign"],
            **self._losses(report, first, DRAIN),
        }

    def _losses(self, report: dict[str, Any], first: int, count: int) -> dict[str, int]:
        """Replies lost and doubled at the provider, and rows in a wrong state."""
        seen = Counter(thread for _, thread in report["posts"])
        wanted = range(first, first + count)
        rows = self._product("check", first, count)
        answered = rows["messages"].get("contact answered", 0)
        sent = rows["messages"].get("assistant sent", 0)
        return {
            "lost": sum(seen[thread] == 0 for thread in wanted),
            "doubled": sum(max(0, number - 1) for number in seen.values()),
            "unsettled": (count - answered) + abs(count - sent),
        }

    @contextlib.contextmanager
    def _watching_connections(self) -> Iterator[list[int]]:
        """The numbers of database connections that workers had, every 50 ms."""
        found = [0]
        ended = threading.Event()

        def watch() -> None:
            sql = (
                "SELECT count(*) FROM pg_stat_activity WHERE datname = %s AND"
                " application_name IN ('answerdesk bench worker', 'answerdesk lease')"
            )
            with psycopg.connect(self._url, autocommit=True) as session:
                while not ended.wait(0.05):
                    row = session.execute(sql, [self._name]).fetchone()
                    found.append(int(row[0]) if row else 0)

        thread = threading.Thread(target=watch)
        thread.start()
        try:
            yield found
        finally:
            ended.set()
            thread.join()

    # row 3

    def paced(self, worker: Service) -> dict[str, Any]:
        """A few per second; what we add to the model's time."""
        self.fakes.begin(DRAIN_DELAY_S)
        first = self.take(PACED)
        meter = Meter(worker.pid, self._name)
        sent = self._product("paced", first, PACED, PACED_PER_S)
        report = self.fakes.wait("posts", PACED, 10)
        spent = meter.stop()
        posts = {thread: at for at, thread in report["posts"]}
        calls = sorted(at for at, _ in report["calls"])
        late = statistics.median(report["late"])
        added = [
            posts[first + number] - at - DRAIN_DELAY_S - late
            for number, at in enumerate(sent["committed"])
            if first + number in posts
        ]
        # Messages are told apart by their order here, which few of them change.
        to_call = [
            call - at for call, at in zip(calls, sent["committed"], strict=False)
        ]
        return {
            "p50_ms": percentile(added, 0.5) * 1000,
            "p99_ms": percentile(added, 0.99) * 1000,
            "to_model_p50_ms": percentile(to_call, 0.5) * 1000,
            "late_model_ms": late * 1000,
            "cpu_ms": spent["service_s"] / PACED * 1000,
            "foreign": spent["foreign"],
            **self._losses(report, first, PACED),
        }

    # row 4

    def kill(self) -> dict[str, Any]:
        """Two workers; the one that holds all turns is killed."""
        for _ in range(KILL_TRIES):
            if (found := self._kill()) is not None:
                return found
        raise SystemExit(
            f"In {KILL_TRIES} tries no worker held {KILLED} turns that all ran at once: "
            "this machine is too busy to measure row 4."
        )

    def _kill(self) -> dict[str, Any] | None:
        """None when a turn was over, or with the other worker, before all of them ran."""
        keys = ("bench-a", "bench-b")
        workers = {key: self.worker(key) for key in keys}
        with stopping(*workers.values()):
            self._warm_both(keys)
            self.fakes.begin(KILLED_DELAY_S)
            first = self.take(KILLED)
            meter = Meter()
            # One statement claims them all, so one worker has them all.
            self._product("burst", first, KILLED)
            before = self.fakes.wait("calls", KILLED, 10)
            holders = {key for _, key in before["calls"]}
            if len(holders) != 1 or before["posts"]:
                return None
            victim = workers[holders.pop()]
            killed_at = time.monotonic()
            os.kill(victim.pid, signal.SIGKILL)
            self.fakes.wait("posts", KILLED, 30)
            time.sleep(1)
            report = self.fakes.report()
            spent = meter.stop()
        again = [at - killed_at for at, _ in report["calls"] if at > killed_at]
        posts = [at - killed_at for at, _ in report["posts"]]
        return {
            "first_reclaim_s": min(again, default=-1.0),
            "last_reclaim_s": max(again, default=-1.0),
            "last_post_s": max(posts, default=-1.0),
            "calls_again": len(again),
            "foreign": spent["foreign"],
            **self._losses(report, first, KILLED),
        }

    def _warm_both(self, keys: tuple[str, ...]) -> None:
        """Let messages arrive until each worker has run a turn."""
        self.fakes.begin(0.05)
        seen: set[str] = set()
        for _ in range(40):
            self._product("burst", self.take(1), 1)
            time.sleep(0.2)
            seen |= {key for _, key in self.fakes.report()["calls"]}
            if seen >= set(keys):
                break
        time.sleep(1)


def measure(stage: Stage, url: str, redis_url: str) -> dict[str, Any]:
    """Rows 2 to 4, as figures."""
    engine = Engine(stage, url, redis_url)
    engine.seed()
    worker = engine.worker()
    with stopping(worker):
        engine.warm_up()
        paced = engine.paced(worker)
        if paced["foreign"] > QUIET:
            paced = min(
                paced, engine.paced(worker), key=lambda each: float(each["foreign"])
            )
        drains: list[dict[str, Any]] = []
        while not _is_enough(drains):
            drains.append(engine.drain(worker))
    drain = _drain_figures(drains)
    return {"drain": drain, "paced": paced, "kill": engine.kill()}


def _is_enough(runs: list[dict[str, Any]]) -> bool:
    quiet = sum(each["foreign"] <= QUIET for each in runs)
    return quiet >= DRAIN_RUNS or len(runs) >= MOST_DRAIN_RUNS


def _drain_figures(runs: list[dict[str, Any]]) -> dict[str, Any]:
    """The median of the quietest runs; losses and peaks of all runs."""
    quietest = sorted(runs, key=lambda each: float(each["foreign"]))[:DRAIN_RUNS]
    middle = sorted(quietest, key=lambda each: float(each["drain_s"]))[
        len(quietest) // 2
    ]
    return {
        **middle,
        "drain_s_runs": [each["drain_s"] for each in runs],
        "connections": max(each["connections"] for each in runs),
        "rss_mb": max(each["rss_mb"] for each in runs),
        "lost": sum(each["lost"] for each in runs),
        "doubled": sum(each["doubled"] for each in runs),
        "unsettled": sum(each["unsettled"] for each in runs),
        "ratio": middle["drain_s"] / DRAIN_DELAY_S,
    }
