"""Watches the tasks of the schedule: what ran, how it went, what is overdue.

No task knows of it: Celery's signals tell. Each task has one row, which is written over.
A task that runs more often than every ten minutes writes it once in `REST_S` at most,
unless its outcome changes; runs in between are counted in memory.
"""

from __future__ import annotations

import datetime as dt
import time
from collections.abc import Mapping
from dataclasses import asdict, dataclass, is_dataclass
from typing import TYPE_CHECKING, Any, cast

from celery import current_app, states
from celery.schedules import maybe_schedule
from celery.signals import task_postrun, task_prerun
from django.conf import settings
from django.db.models import F
from django.utils import timezone

from core.models import PeriodicTask
from core.text import clean_text, truncate

if TYPE_CHECKING:
    from celery.schedules import BaseSchedule

#: Seconds between two writings of a frequent task that goes on as it did.
REST_S = 60.0
#: Seconds between two runs from which on a task is no longer frequent.
RARE_S = 600.0
#: A task is overdue when it is so many seconds late, or can no longer begin.
GRACE_S = 300.0


@dataclass(slots=True)
class _Tally:
    """What this process knows of a task and has not written yet."""

    runs: int = 0
    failures: int = 0
    outcome: str = ""
    #: Of `time.monotonic`.
    written_at: float = float("-inf")
    skip_written_at: float = float("-inf")


#: When the runs of this process began, by Celery's id: wall clock and `time.monotonic`.
_begun: dict[str, tuple[dt.datetime, float]] = {}
_tallies: dict[str, _Tally] = {}


def clear() -> None:
    """Forget what was not written yet."""
    _begun.clear()
    _tallies.clear()


def name_of(task: str) -> str | None:
    """The name under which the schedule has this task; None: it has it not."""
    schedule = settings.CELERY_BEAT_SCHEDULE
    return next((key for key, each in schedule.items() if each["task"] == task), None)


def schedule_of(name: str) -> BaseSchedule:
    """When a task of the schedule is due."""
    entry = settings.CELERY_BEAT_SCHEDULE[name]
    # It leaves schedules as they are and makes one of everything else.
    return cast("BaseSchedule", maybe_schedule(entry["schedule"], app=current_app))


def is_frequent(name: str) -> bool:
    """Whether it runs so often that not every run is written down."""
    run_every = getattr(schedule_of(name), "run_every", None)
    return run_every is not None and run_every.total_seconds() < RARE_S


def next_due(row: PeriodicTask) -> dt.datetime | None:
    """When it is to run next; None: it has left the schedule."""
    if row.name not in settings.CELERY_BEAT_SCHEDULE:
        return None
    last = row.started_at or row.created_at
    due = timezone.now() + schedule_of(row.name).remaining_estimate(last)
    # To the second: the estimate was made a little later than now.
    return (due + dt.timedelta(seconds=0.5)).replace(microsecond=0)


def is_overdue(row: PeriodicTask) -> bool:
    """Whether it should have run, or should have ended, by now."""
    entry = settings.CELERY_BEAT_SCHEDULE.get(row.name)
    if entry is None:
        return False
    last = row.finished_at or row.created_at
    late = -schedule_of(row.name).remaining_estimate(last).total_seconds()
    return bool(late > max(GRACE_S, entry["options"]["expires"]))


def overdue() -> list[PeriodicTask]:
    """The tasks that should have run by now."""
    return [row for row in PeriodicTask.objects.all() if is_overdue(row)]


def overdue_words() -> str:
    """What an operator reads of overdue tasks; empty: there are none."""
    names = ", ".join(row.name for row in overdue())
    return f"Overdue periodic tasks: {names}. Does beat run?" if names else ""


def note_schedule() -> None:
    """Make a row for each task of the schedule, and drop those of others."""
    names = set(settings.CELERY_BEAT_SCHEDULE)
    known = set(PeriodicTask.objects.values_list("name", flat=True))
    if missing := names - known:
        rows = [PeriodicTask(name=name) for name in missing]
        PeriodicTask.objects.bulk_create(rows, ignore_conflicts=True)
    if gone := known - names:
        PeriodicTask.objects.filter(name__in=gone).delete()


def run_now(name: str) -> None:
    """Have a worker run a task of the schedule, beside its times."""
    entry = settings.CELERY_BEAT_SCHEDULE[name]
    expires = entry["options"]["expires"]
    current_app.send_task(entry["task"], expires=expires)


@task_prerun.connect
def _begin(task_id: str, task: Any, **_: Any) -> None:
    name = name_of(task.name)
    if name is None:
        return
    now = timezone.now()
    _begun[task_id] = (now, time.monotonic())
    if not is_frequent(name):
        _write(name, {"started_at": now})


@task_postrun.connect
def _end(task_id: str, task: Any, retval: Any, state: str, **_: Any) -> None:
    begun = _begun.pop(task_id, None)
    name = name_of(task.name)
    if begun is None or name is None:
        return
    if state == states.IGNORED:
        _note_skip(name)
    elif state == states.SUCCESS:
        _note_run(name, begun, result=_told(retval))
    elif state == states.FAILURE:
        _note_run(name, begun, error=f"{type(retval).__name__}: {retval}")


def _note_run(
    name: str, begun: tuple[dt.datetime, float], *, result: str = "", error: str = ""
) -> None:
    tally = _tallies.setdefault(name, _Tally())
    tally.runs += 1
    tally.failures += bool(error)
    outcome = PeriodicTask.Outcome.FAILED if error else PeriodicTask.Outcome.DONE
    now = time.monotonic()
    is_news = outcome != tally.outcome or now - tally.written_at >= REST_S
    if is_frequent(name) and not is_news:
        return
    started_at, started = begun
    values: dict[str, Any] = {
        "started_at": started_at,
        "finished_at": timezone.now(),
        "duration_ms": round((now - started) * 1000),
        "outcome": outcome,
        "runs": F("runs") + tally.runs,
        "failures": F("failures") + tally.failures,
    }
    if error:
        values["error"] = truncate(clean_text(error), 500)
        values["failed_at"] = timezone.now()
    else:
        values["result"] = truncate(clean_text(result), 300)
    _write(name, values)
    _tallies[name] = _Tally(
        outcome=outcome, written_at=now, skip_written_at=tally.skip_written_at
    )


def _note_skip(name: str) -> None:
    tally = _tallies.setdefault(name, _Tally())
    now = time.monotonic()
    if now - tally.skip_written_at >= REST_S:
        _write(name, {"skipped_at": timezone.now()})
        tally.skip_written_at = now


def _write(name: str, values: dict[str, Any]) -> None:
    row = PeriodicTask.objects.filter(pk=name)
    if not row.update(**values):
        note_schedule()
        row.update(**values)


def _told(value: Any) -> str:
    """What a task returns, as people read it."""
    if is_dataclass(value) and not isinstance(value, type):
        value = asdict(value)
    if isinstance(value, Mapping):
        told = (f"{key}: {each}".replace("_", " ") for key, each in value.items())
        return ", ".join(told)
    return "" if value is None else str(value)
