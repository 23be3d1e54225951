"""The speed of this machine, and what was measured as it were at the goals' speed.

The goals that are times were set where the echo took 150 µs of processor time for a
request (docs/decisions/013). One run of the echo in each benchmark says how much slower
or faster the machine is now; what the model sleeps is not scaled.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from bench.engine import DRAIN_DELAY_S
from bench.waiting import MODEL_S

if TYPE_CHECKING:
    from collections.abc import Iterator

#: Processor time of one request of the echo where the goals were set.
GOALS_ECHO_US: Final = 150.0


def at_goals_speed(figures: dict[str, Any]) -> dict[str, float]:
    """The figures that have a goal in seconds; empty without a run of the echo."""
    echo = figures.get("inbox_postgresql") or figures.get("inbox_sqlite")
    if echo is None:
        return {}
    slowness = echo["echo_us"] / GOALS_ECHO_US
    return {"slowness": slowness} | {
        name: asleep + (measured - asleep) / slowness
        for name, measured, asleep in _times(figures)
    }


def _times(figures: dict[str, Any]) -> Iterator[tuple[str, float, float]]:
    """By name: what was measured, and how much of it the model slept."""
    if engine := figures.get("engine"):
        yield "drain", engine["drain"]["drain_s"], DRAIN_DELAY_S
        yield "paced", engine["paced"]["p50_ms"], 0.0
    for name, row in figures.get("answers", {}).items():
        yield name, row["p95_ms"], 0.0
    for name in ("waiting_postgresql", "waiting_sqlite"):
        if name in figures:
            yield name, figures[name]["p95_s"], MODEL_S
