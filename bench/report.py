"""The table, and the comparison with an earlier run."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable

Figures = dict[str, Any]


@dataclass(frozen=True)
class Line:
    """One line of the table."""

    row: str
    what: str
    #: Place of the figure, such as `inbox_postgresql.ratio`.
    path: str
    #: How it is shown.
    form: str
    #: What it should be, and whether a figure is that; none: for information.
    goal: str = ""
    is_good: Callable[[float], bool] | None = None
    #: Whether a larger figure is the better one.
    more_is_better: bool = False


def _at_least(limit: float) -> Callable[[float], bool]:
    return lambda value: value >= limit


def _at_most(limit: float) -> Callable[[float], bool]:
    return lambda value: 0 <= value <= limit


def _inbox(name: str, key: str) -> list[Line]:
    return [
        Line(name, "rate, of the echo's", f"{key}.ratio", "{:.2f}", "≥ 0.7", _at_least(0.7), more_is_better=True),
        Line(name, "requests/s at 256 connections", f"{key}.per_s", "{:,.0f}", more_is_better=True),
        Line(name, "the echo's requests/s", f"{key}.echo_per_s", "{:,.0f}", more_is_better=True),
        Line(name, "processor time, the echo's to ours", f"{key}.cpu_ratio", "{:.2f}", more_is_better=True),
        Line(name, "processor µs per event, server", f"{key}.server_us", "{:.0f}"),
        Line(name, "processor µs per event, database", f"{key}.database_us", "{:.0f}"),
        Line(name, "processor µs per event, echo", f"{key}.echo_us", "{:.0f}"),
        Line(name, "ms at 8 connections, p50", f"{key}.p50_ms_8", "{:.1f}"),
        Line(name, "ms at 8 connections, p99", f"{key}.p99_ms_8", "{:.1f}", "< 20", _at_most(20)),
        Line(name, "ms at 256 connections, p99", f"{key}.p99_ms_256", "{:.0f}"),
        Line(name, "foreign load, cores", f"{key}.foreign", "{:.2f}"),
    ]  # fmt: skip


def _answers(size: int, p95_ms: float, memory_mb: float | None = None) -> list[Line]:
    name, key = f"5 reply, {size:,} entries", f"answers.entries_{size}"
    limit = _at_most(memory_mb) if memory_mb else None
    goal = f"≤ {memory_mb:.0f}" if memory_mb else ""
    return [
        Line(name, "ms over HTTP, p50", f"{key}.p50_ms", "{:.1f}"),
        Line(name, "ms over HTTP, p95", f"{key}.p95_ms", "{:.1f}"),
        Line(name, "the same at the goals' speed", f"at_goals_speed.entries_{size}", "{:.1f}", f"≤ {p95_ms:.0f}", _at_most(p95_ms)),
        Line(name, "s to the first reply", f"{key}.first_s", "{:.1f}"),
        Line(name, "MB resident", f"{key}.rss_mb", "{:.0f}", goal, limit),
        Line(name, "entries imported per s", f"{key}.import_per_s", "{:,.0f}", more_is_better=True),
        Line(name, "foreign load, cores", f"{key}.foreign", "{:.2f}"),
    ]  # fmt: skip


def _waiting(name: str, key: str) -> list[Line]:
    name = f"6 200 wait, {name}"
    return [
        Line(name, "s to the reply, p50, model 2 s", f"{key}.p50_s", "{:.2f}"),
        Line(name, "s to the reply, p95, model 2 s", f"{key}.p95_s", "{:.2f}"),
        Line(name, "the same at the goals' speed", f"at_goals_speed.{key}", "{:.2f}", "≤ 2.5", _at_most(2.5)),
        Line(name, "s to the last reply", f"{key}.most_s", "{:.2f}"),
        Line(name, "model calls at once", f"{key}.in_flight", "{:.0f}"),
        Line(name, "threads, at most", f"{key}.threads", "{:.0f}", "≤ 40", _at_most(40)),
        Line(name, "MB resident, at most", f"{key}.rss_mb", "{:.0f}", "≤ 300", _at_most(300)),
        Line(name, "MB more than idle", f"{key}.grown_mb", "{:.0f}"),
        Line(name, "processor ms per reply, server", f"{key}.cpu_ms", "{:.1f}"),
        Line(name, "foreign load, cores", f"{key}.foreign", "{:.2f}"),
    ]  # fmt: skip


def _kommo(name: str, key: str) -> list[Line]:
    name = f"8 Kommo at 200/s, {name}"
    return [
        Line(name, "ms to the 200, p50, model 5 s", f"{key}.p50_ms", "{:.1f}"),
        Line(name, "ms to the 200, p99", f"{key}.p99_ms", "{:.1f}", "< 100", _at_most(100)),
        Line(name, "ms to the 200, at most", f"{key}.most_ms", "{:.0f}"),
        Line(name, "model calls at once", f"{key}.in_flight", "{:.0f}"),
        Line(name, "lost", f"{key}.lost", "{:.0f}", "0", _NONE),
        Line(name, "doubled", f"{key}.doubled", "{:.0f}", "0", _NONE),
        Line(name, "MB resident, at most", f"{key}.rss_mb", "{:.0f}"),
        Line(name, "processor ms per call, server", f"{key}.cpu_ms", "{:.1f}"),
        Line(name, "foreign load, cores", f"{key}.foreign", "{:.2f}"),
    ]  # fmt: skip


def _analytics() -> list[Line]:
    name, key = "7 analytics", "analytics"
    calls = {
        "a day": "day", "30 days": "month", "30 days of a channel": "month_channel",
        "366 days": "year", "366 days as CSV": "year_csv",
    }  # fmt: skip
    return [
        Line(name, "messages in the database", f"{key}.past.messages", "{:,.0f}"),
        Line(name, "conversations", f"{key}.past.conversations", "{:,.0f}"),
        Line(name, "GB of the database", f"{key}.past.size_gb", "{:.1f}"),
        Line(name, "s to fill it", f"{key}.past.filled_s", "{:,.0f}"),
        Line(name, "s to count it all", f"{key}.feed.fed_s", "{:,.0f}"),
        Line(name, "s to judge all answers", f"{key}.feed.settled_s", "{:,.0f}"),
        Line(name, "answers that resolved something", f"{key}.feed.resolutions", "{:,.0f}"),
        Line(name, "tallies", f"{key}.feed.tallies", "{:,.0f}"),
        *(
            line
            for words, call in calls.items()
            for line in (
                Line(name, f"ms of {words}, p50", f"{key}.calls.{call}.p50_ms", "{:.1f}"),
                Line(name, f"ms of {words}, p95", f"{key}.calls.{call}.p95_ms", "{:.1f}", "≤ 50", _at_most(50)),
                Line(name, f"ms of {words}, from rows", f"{key}.calls.{call}.naive_ms", "{:,.0f}"),
                Line(name, f"{words}, p95 of that", f"{key}.calls.{call}.of_naive", "{:.4f}", "≤ 0.01", _at_most(0.01)),
            )
        ),
        Line(name, "ms of the owner's page of a year, p50", f"{key}.calls.page.p50_ms", "{:.1f}"),
        Line(name, "ms of the owner's page of a year, p95", f"{key}.calls.page.p95_ms", "{:.1f}"),
        Line(name, "conversations of the account", f"{key}.lists.rows", "{:,.0f}"),
        *(
            line
            for words, each in (("API", "sessions"), ("desk", "desk"), ("administration", "admin"))
            for line in (
                Line(name, f"ms of page 1, {words}", f"{key}.lists.{each}.first_ms", "{:.1f}"),
                Line(name, f"ms of a deep page, {words}", f"{key}.lists.{each}.deep_ms", "{:.1f}"),
                Line(name, f"deep page, of page 1, {words}", f"{key}.lists.{each}.ratio", "{:.2f}", "≤ 1.5", _at_most(1.5)),
            )
        ),
        Line(name, "processor µs per message, ingest", f"{key}.upkeep.ingest_us", "{:.0f}"),
        Line(name, "processor µs per message, each minute", f"{key}.upkeep.feed_us", "{:.1f}"),
        Line(name, "processor µs per message, judging at night", f"{key}.upkeep.judging_us", "{:.1f}"),
        Line(name, "processor µs per message, comparing at night", f"{key}.upkeep.comparing_us", "{:.1f}"),
        Line(name, "upkeep, of ingest", f"{key}.upkeep.share", "{:.3f}", "≤ 0.05", _at_most(0.05)),
        Line(name, "numbers that the nights mended", f"{key}.upkeep.mended", "{:.0f}", "0", _NONE),
        Line(name, "foreign load, cores", f"{key}.calls.foreign", "{:.2f}"),
    ]  # fmt: skip


_NONE = _at_most(0)

LINES = [
    *_inbox("1 inbox, PostgreSQL", "inbox_postgresql"),
    *_inbox("1 inbox, SQLite", "inbox_sqlite"),
    Line("2 drain of 1,000", "seconds, of the model's", "engine.drain.ratio", "{:.2f}"),
    Line("2 drain of 1,000", "the same at the goals' speed", "at_goals_speed.drain", "{:.2f}", "≤ 2.5", _at_most(2.5)),
    Line("2 drain of 1,000", "seconds to the last call", "engine.drain.last_call_s", "{:.2f}"),
    Line("2 drain of 1,000", "database connections", "engine.drain.connections", "{:.0f}", "≤ 20", _at_most(20)),
    Line("2 drain of 1,000", "MB resident, at most", "engine.drain.rss_mb", "{:.0f}", "≤ 200", _at_most(200)),
    Line("2 drain of 1,000", "processor ms per message, worker", "engine.drain.cpu_ms", "{:.2f}"),
    Line("2 drain of 1,000", "the same, in events of the echo", "engine.drain.in_echoes", "{:.1f}"),
    Line("2 drain of 1,000", "processor ms per message, database", "engine.drain.database_cpu_ms", "{:.2f}"),
    Line("2 drain of 1,000", "lost", "engine.drain.lost", "{:.0f}", "0", _NONE),
    Line("2 drain of 1,000", "doubled", "engine.drain.doubled", "{:.0f}", "0", _NONE),
    Line("2 drain of 1,000", "foreign load, cores", "engine.drain.foreign", "{:.2f}"),
    Line("3 at 20 per second", "ms added, p50", "engine.paced.p50_ms", "{:.1f}"),
    Line("3 at 20 per second", "the same at the goals' speed", "at_goals_speed.paced", "{:.1f}", "< 15", _at_most(15)),
    Line("3 at 20 per second", "ms added, p99", "engine.paced.p99_ms", "{:.1f}"),
    Line("3 at 20 per second", "of them to the model, p50", "engine.paced.to_model_p50_ms", "{:.1f}"),
    Line("3 at 20 per second", "lost or doubled", "engine.paced.lost", "{:.0f}", "0", _NONE),
    Line("3 at 20 per second", "foreign load, cores", "engine.paced.foreign", "{:.2f}"),
    Line("4 killed with 50 turns", "s to the first call again", "engine.kill.first_reclaim_s", "{:.2f}", "≤ 2", _at_most(2)),
    Line("4 killed with 50 turns", "s to the last reply", "engine.kill.last_post_s", "{:.2f}"),
    Line("4 killed with 50 turns", "lost", "engine.kill.lost", "{:.0f}", "0", _NONE),
    Line("4 killed with 50 turns", "doubled", "engine.kill.doubled", "{:.0f}", "0", _NONE),
    Line("4 killed with 50 turns", "foreign load, cores", "engine.kill.foreign", "{:.2f}"),
    *_answers(1_000, 40),
    *_answers(10_000, 50),
    *_answers(100_000, 100, 600),
    *_waiting("PostgreSQL", "waiting_postgresql"),
    *_waiting("SQLite", "waiting_sqlite"),
    *_analytics(),
    *_kommo("PostgreSQL", "kommo_postgresql"),
    *_kommo("SQLite", "kommo_sqlite"),
]  # fmt: skip


def value(figures: Figures, path: str) -> float | None:
    """The figure at a place; None when its row was not run."""
    found: Any = figures
    for name in path.split("."):
        if not isinstance(found, dict) or name not in found:
            return None
        found = found[name]
    return float(found)


def table(figures: Figures, before: Figures | None = None) -> str:
    """The table as Markdown, with the earlier figures beside it where given."""
    head = ["row", "figure", "value", "goal"] + (["before", "change"] if before else [])
    rows = [head, ["---"] * len(head)]
    for line in LINES:
        now = value(figures, line.path)
        if now is None:
            continue
        cells = [line.row, line.what, line.form.format(now), _verdict(line, now)]
        if before:
            cells += _change(line, now, value(before, line.path))
        rows.append(cells)
    widths = [max(len(row[column]) for row in rows) for column in range(len(head))]
    return "\n".join(
        "| "
        + " | ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True))
        + " |"
        for row in rows
    )


def _verdict(line: Line, now: float) -> str:
    if line.is_good is None:
        return ""
    return f"{line.goal} {'met' if line.is_good(now) else 'MISSED'}"


def _change(line: Line, now: float, then: float | None) -> list[str]:
    if then is None:
        return ["", ""]
    if not then:
        return [line.form.format(then), "" if now == then else "was 0"]
    share = now / then - 1
    is_worse = (share < -0.1) if line.more_is_better else (share > 0.1)
    return [line.form.format(then), f"{share:+.0%}{' worse' if is_worse else ''}"]


def missed(figures: Figures) -> list[str]:
    """The goals that were not reached."""
    found = []
    for line in LINES:
        now = value(figures, line.path)
        if now is not None and line.is_good is not None and not line.is_good(now):
            found.append(
                f"{line.row}: {line.what} {line.form.format(now)} ({line.goal})"
            )
    return found
