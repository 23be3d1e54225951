"""Row 7: analytics and lists with a long past behind them, on PostgreSQL."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Any

from bench.machine import Meter

if TYPE_CHECKING:
    from collections.abc import Callable

    from bench.stage import Stage

#: Messages of the past, unless `BENCH_MESSAGES` says otherwise.
MESSAGES = 1_000_000


def measure(stage: Stage, say: Callable[[str], None]) -> dict[str, Any]:
    """Fill a database, count it, and read it.

    `BENCH_DATABASE` names one that is kept: filled by the first run, and only brought up
    to date by later ones, so that new code can be measured on an old past.
    """
    size = int(os.environ.get("BENCH_MESSAGES", MESSAGES))
    kept = os.environ.get("BENCH_DATABASE", "")
    url = stage.kept(kept) if kept else stage.postgresql()
    env = stage.env(DATABASE_URL=url, REDIS_URL=stage.redis(), API_RATE_LIMIT="off")
    stage.run(["manage.py", "migrate", "--verbosity", "0", "--no-input"], env)
    found: dict[str, Any] = {"past": stage.run(["-m", "bench.tallies", "past"], env)}
    verbs = ["upkeep", "lists", "calls"]
    if not found["past"]["messages"]:
        say(f"   filling {size:,} messages …")
        found["past"] = stage.run(["-m", "bench.history", str(size)], env)
        verbs.insert(0, "feed")
    for verb in verbs:
        say(f"   {verb} …")
        meter = Meter()
        figures = stage.run(["-m", "bench.tallies", verb], env)
        found[verb] = {**figures, "foreign": meter.stop()["foreign"]}
        say(f"   {found[verb]}")
    return found
