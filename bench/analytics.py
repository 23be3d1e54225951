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
    """Fill a database of its own, count it, and read it."""
    size = int(os.environ.get("BENCH_MESSAGES", MESSAGES))
    url = stage.postgresql()
    env = stage.env(DATABASE_URL=url, REDIS_URL=stage.redis(), API_RATE_LIMIT="off")
    stage.run(["manage.py", "migrate", "--verbosity", "0", "--no-input"], env)
    say(f"   filling {size:,} messages …")
    found: dict[str, Any] = {"past": stage.run(["-m", "bench.history", str(size)], env)}
    for verb in ("feed", "upkeep", "lists", "calls"):
        say(f"   {verb} …")
        meter = Meter()
        figures = stage.run(["-m", "bench.tallies", verb], env)
        found[verb] = {**figures, "foreign": meter.stop()["foreign"]}
        say(f"   {found[verb]}")
    return found
