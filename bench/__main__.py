"""Runs the benchmark: `python -m bench`; see docs/reference/performance.md."""

from __future__ import annotations

import argparse
import datetime as dt
import json
import sys
from pathlib import Path
from typing import Any

from bench import analytics, answers, engine, inbox, kommo, machine, report, waiting
from bench.speed import at_goals_speed
from bench.stage import BASE, Absent, Stage

_ROWS = ["inbox", "engine", "answers", "waiting", "analytics", "kommo"]
_MIGRATE = ["manage.py", "migrate", "--verbosity", "0", "--no-input"]
_SEED = ["-m", "bench.product", "seed", "http://127.0.0.1:9"]


def main() -> int:
    """Measure, print the table, write the JSON; 1 when a goal was missed."""
    options = _options()
    before = json.loads(options.compare.read_text()) if options.compare else None
    figures: dict[str, Any] = {
        "taken_at": dt.datetime.now(dt.UTC).isoformat(timespec="seconds"),
        "machine": machine.facts(),
    }
    with Stage() as stage:
        if "inbox" in options.rows:
            figures["inbox_sqlite"] = _inbox_sqlite(stage)
        try:
            figures |= _with_servers(stage, options.rows, figures["machine"])
        except Absent as exc:
            say(f"{exc}\nThe rows on PostgreSQL and Redis are left out.")
            figures["left_out"] = str(exc)
        if "answers" in options.rows:
            say("5. Replies …")
            figures["answers"] = answers.measure(stage)
        if "waiting" in options.rows:
            say("6. Waiting for a slow model, on SQLite …")
            figures["waiting_sqlite"] = waiting.measure_embedded(stage)
        if "kommo" in options.rows:
            say("8. Kommo's calls beside slow models, on SQLite …")
            figures["kommo_sqlite"] = kommo.measure_embedded(stage)
    figures["at_goals_speed"] = at_goals_speed(figures)
    print(report.table(figures, before))
    options.output.parent.mkdir(parents=True, exist_ok=True)
    options.output.write_text(json.dumps(_rounded(figures), indent=1) + "\n")
    say(f"Written to {options.output}.")
    for line in report.missed(figures):
        say(f"Missed: {line}")
    return 1 if report.missed(figures) else 0


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m bench", description=__doc__)
    parser.add_argument("--compare", type=Path, help="JSON of an earlier run")
    parser.add_argument("--output", type=Path, default=BASE / "var" / "bench.json")
    parser.add_argument("--rows", nargs="+", choices=_ROWS, default=_ROWS)
    return parser.parse_args()


def _inbox_sqlite(stage: Stage) -> dict[str, Any]:
    say("1. Inbox on SQLite …")
    url = stage.sqlite()
    env = stage.env(DATABASE_URL=url)
    stage.run(_MIGRATE, env)
    return inbox.measure(stage, url, env, stage.run(_SEED, env)["path"])


def _with_servers(
    stage: Stage, rows: list[str], facts: dict[str, Any]
) -> dict[str, Any]:
    figures: dict[str, Any] = {}
    if "analytics" in rows:
        say("7. Analytics, with a long past …")
        figures["analytics"] = analytics.measure(stage, say)
        facts |= stage.server_facts()
    if "waiting" in rows:
        say("6. Waiting for a slow model, on PostgreSQL …")
        figures["waiting_postgresql"] = waiting.measure_server(stage)
    if "kommo" in rows:
        say("8. Kommo's calls beside slow models, on PostgreSQL …")
        figures["kommo_postgresql"] = kommo.measure_server(stage)
        facts |= stage.server_facts()
    if not {"inbox", "engine"} & set(rows):
        return figures
    url, redis_url = stage.postgresql(), stage.redis()
    facts |= stage.server_facts()
    env = stage.env(DATABASE_URL=url, REDIS_URL=redis_url)
    say("Preparing PostgreSQL …")
    stage.run(_MIGRATE, env)
    copy = stage.postgresql(template=url)
    if "inbox" in rows:
        say("1. Inbox on PostgreSQL …")
        path = stage.run(_SEED, env)["path"]
        figures["inbox_postgresql"] = inbox.measure(stage, url, env, path)
    if "engine" in rows:
        say("2 to 4. Engine …")
        figures["engine"] = engine.measure(stage, copy, stage.redis())
    if {"inbox", "engine"} <= set(rows):
        echo_ms = figures["inbox_postgresql"]["echo_us"] / 1000
        drain = figures["engine"]["drain"]
        drain["in_echoes"] = drain["cpu_ms"] / echo_ms
    return figures


def _rounded(value: Any) -> Any:
    if isinstance(value, float):
        return round(value, 4)
    if isinstance(value, dict):
        return {name: _rounded(each) for name, each in value.items()}
    return [_rounded(each) for each in value] if isinstance(value, list) else value


def say(text: str) -> None:
    """Tell whoever waits what goes on; the table alone is on stdout."""
    print(text, file=sys.stderr, flush=True)


if __name__ == "__main__":
    sys.exit(main())
