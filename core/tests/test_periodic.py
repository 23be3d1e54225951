"""The tasks of the schedule: watched, one at a time, told of when they are late."""

from __future__ import annotations

import datetime as dt
import re
import subprocess
import sys
import textwrap
import threading
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from celery import current_app
from celery.exceptions import Ignore
from celery.schedules import crontab, maybe_schedule
from django.conf import settings as real_settings
from django.urls import reverse
from django.utils import timezone
from django.utils.formats import date_format

from accounts.tests.factories import UserFactory
from core import alone, health, periodic
from core.celery import app
from core.models import PeriodicTask
from core.tests.network import eventually

if TYPE_CHECKING:
    from django.test import Client

ADDRESS = "admin:core_periodictask_changelist"


def entry(task: str, schedule: Any, expires: float = 5) -> dict[str, Any]:
    return {"task": task, "schedule": schedule, "options": {"expires": expires}}


@pytest.fixture
def task(settings: Any) -> Any:
    """A nightly task that does what `task.job` says."""

    @app.task(name="tests.nightly", bind=True)
    def nightly(self: Any) -> Any:
        return self.job()

    nightly.job = lambda: {"conversations_closed": 3, "kept": 1}
    settings.CELERY_BEAT_SCHEDULE = {
        "nightly": entry("tests.nightly", crontab(hour=2, minute=0), 3600)
    }
    yield nightly
    app.tasks.pop("tests.nightly")


def make_frequent(settings: Any) -> None:
    settings.CELERY_BEAT_SCHEDULE = {"nightly": entry("tests.nightly", 10.0)}


def fail() -> None:
    raise ValueError("The disk is full.")


def test_a_run_leaves_when_how_long_and_with_what_result(db: None, task: Any) -> None:
    task.apply()
    task.apply()

    row = PeriodicTask.objects.get()
    assert (row.name, row.outcome, row.runs) == ("nightly", "done", 2)
    assert row.result == "conversations closed: 3, kept: 1"
    assert row.started_at
    assert row.finished_at >= row.started_at
    assert row.duration_ms is not None
    due = periodic.next_due(row)
    assert due is not None
    assert due > timezone.now()
    assert (due.hour, due.minute, due.second) == (2, 0, 0)


def test_a_failure_stays_to_be_read_after_the_task_works_again(
    db: None, task: Any
) -> None:
    task.job = fail
    task.apply()
    assert PeriodicTask.objects.get().outcome == "failed"

    task.job = lambda: None
    task.apply()

    row = PeriodicTask.objects.get()
    assert (row.outcome, row.runs, row.failures) == ("done", 2, 1)
    assert row.error == "ValueError: The disk is full."
    assert row.failed_at is not None


def test_while_it_runs_that_is_seen(db: None, task: Any) -> None:
    seen: list[bool] = []
    task.job = lambda: seen.append(PeriodicTask.objects.get().is_running)

    task.apply()

    assert seen == [True]
    assert not PeriodicTask.objects.get().is_running


def test_a_frequent_task_costs_nothing_while_it_goes_on_as_it_did(
    db: None, task: Any, settings: Any, django_assert_num_queries: Any
) -> None:
    make_frequent(settings)
    task.job = lambda: None
    task.apply()

    with django_assert_num_queries(0):
        for _ in range(20):
            task.apply()

    assert PeriodicTask.objects.get().runs == 1


def test_what_a_frequent_task_did_meanwhile_is_counted_with_the_next_news(
    db: None, task: Any, settings: Any
) -> None:
    make_frequent(settings)
    for _ in range(5):
        task.apply()
    task.job = fail
    task.apply()

    row = PeriodicTask.objects.get()
    assert (row.runs, row.failures, row.outcome) == (6, 1, "failed")


def test_what_is_not_in_the_schedule_is_not_watched(
    db: None, task: Any, settings: Any
) -> None:
    settings.CELERY_BEAT_SCHEDULE = {}

    task.apply()

    assert not PeriodicTask.objects.exists()


def test_a_second_run_at_once_is_a_quiet_return_and_visible(
    transactional_db: None, task: Any
) -> None:
    begun, may_end = threading.Event(), threading.Event()
    runs: list[int] = []

    def job() -> None:
        runs.append(1)
        begun.set()
        may_end.wait(10)

    task.job = job
    first = threading.Thread(target=run_and_close, args=(task,))
    first.start()
    assert begun.wait(10)
    second = task.apply()
    may_end.set()
    first.join(10)

    assert second.state == "IGNORED"
    assert runs == [1]
    row = PeriodicTask.objects.get()
    assert row.skipped_at is not None
    assert (row.runs, row.outcome) == (1, "done")
    assert task.apply().state == "SUCCESS"


def run_and_close(task: Any) -> None:
    from django.db import connection

    task.apply()
    connection.close()


def test_a_run_that_is_called_by_hand_waits_for_nobody_either(
    db: None, task: Any
) -> None:
    with alone.alone("tests.nightly"), pytest.raises(Ignore):
        task()


HOLDER = """
import django, os, sys
django.setup()
from django.db import connection
connection.settings_dict["NAME"] = sys.argv[1]
from django.conf import settings
settings.DATA_DIR = sys.argv[2]
from core.alone import alone
with alone("work") as is_alone:
    print(is_alone, flush=True)
    sys.stdin.read()
"""


def test_the_lock_of_a_process_that_is_killed_is_free(
    transactional_db: None, settings: Any
) -> None:
    from django.db import connection

    name = str(connection.settings_dict["NAME"])
    holder = subprocess.Popen(
        [sys.executable, "-c", textwrap.dedent(HOLDER), name, str(settings.DATA_DIR)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        cwd=Path(__file__).resolve().parents[2],
        env={**__import__("os").environ, "DJANGO_SETTINGS_MODULE": "core.settings"},
    )
    try:
        assert holder.stdout
        assert holder.stdout.readline() == b"True\n"
        with alone.alone("work") as is_alone:
            assert not is_alone
        with alone.alone("other work") as is_alone:
            assert is_alone
    finally:
        holder.kill()
        holder.communicate()

    def is_free() -> bool:
        with alone.alone("work") as is_alone:
            return is_alone

    assert eventually(is_free)


# -- the schedule ------------------------------------------------------------------


def least_interval(schedule: Any) -> dt.timedelta:
    """The shortest time between two runs."""
    schedule = maybe_schedule(schedule, app=current_app)
    if hasattr(schedule, "run_every"):
        return schedule.run_every
    at, due = timezone.now(), []
    for _ in range(10):
        last, delta, _now = schedule.remaining_delta(at)
        at = last + delta
        due.append(at)
    return min(b - a for a, b in zip(due, due[1:], strict=False))


def test_each_task_of_the_schedule_expires_before_its_next_run_and_is_there() -> None:
    app.loader.import_default_modules()
    schedule = real_settings.CELERY_BEAT_SCHEDULE

    for name, each in schedule.items():
        expires = dt.timedelta(seconds=each["options"]["expires"])
        assert dt.timedelta(0) < expires < least_interval(each["schedule"]), name
        assert each["task"] in app.tasks, name
    tasks = [each["task"] for each in schedule.values()]
    assert len(set(tasks)) == len(tasks)


def test_the_rows_follow_the_schedule(db: None, task: Any, settings: Any) -> None:
    periodic.note_schedule()
    settings.CELERY_BEAT_SCHEDULE = {"other": entry("tests.nightly", 10.0)}

    periodic.note_schedule()
    periodic.note_schedule()

    assert [row.name for row in PeriodicTask.objects.all()] == ["other"]


def finished(ago: dt.timedelta) -> None:
    now = timezone.now()
    periodic.note_schedule()
    PeriodicTask.objects.update(started_at=now - ago, finished_at=now - ago)


@pytest.mark.parametrize(
    ("schedule", "ago", "is_late"),
    [
        (10.0, dt.timedelta(minutes=4), False),
        (10.0, dt.timedelta(minutes=6), True),
        (1800.0, dt.timedelta(minutes=31), False),
        (1800.0, dt.timedelta(minutes=36), True),
        (crontab(hour=2, minute=0), dt.timedelta(minutes=1), False),
        (crontab(hour=2, minute=0), dt.timedelta(hours=26), True),
    ],
)
def test_what_should_have_run_is_overdue(
    db: None, task: Any, settings: Any, schedule: Any, ago: Any, is_late: bool
) -> None:
    settings.CELERY_BEAT_SCHEDULE = {"nightly": entry("tests.nightly", schedule)}
    finished(ago)

    assert bool(periodic.overdue()) is is_late


def test_what_never_ran_is_overdue_from_its_first_time_on(db: None, task: Any) -> None:
    periodic.note_schedule()
    assert periodic.overdue_words() == ""

    since = timezone.now() - dt.timedelta(days=2)
    PeriodicTask.objects.update(created_at=since)

    assert "nightly" in periodic.overdue_words()


def test_health_and_the_operators_status_name_what_is_overdue(
    engine: Any, task: Any, account: Any, capsys: Any
) -> None:
    from asgiref.sync import async_to_sync
    from django.core.management import call_command

    finished(dt.timedelta(days=3))

    worker = async_to_sync(health.check_all)()["services"]["worker"]
    call_command("ai_control", "status", "--json")

    assert worker["status"] == "degraded"
    assert "nightly" in worker["detail"]
    assert "nightly" in capsys.readouterr().err


# -- the page ----------------------------------------------------------------------


def test_the_page_shows_each_task_of_the_schedule_to_superusers(
    client: Client, db: None, task: Any
) -> None:
    task.job = fail
    task.apply()
    client.force_login(UserFactory(is_staff=True, is_superuser=True))

    listed = client.get(reverse(ADDRESS))
    opened = client.get(reverse("admin:core_periodictask_change", args=["nightly"]))

    for response in (listed, opened):
        assert response.status_code == 200
        assert "The disk is full." in response.content.decode()


def test_a_task_that_has_just_come_into_the_schedule_is_shown(
    client: Client, db: None
) -> None:
    client.force_login(UserFactory(is_staff=True, is_superuser=True))

    html = client.get(reverse(ADDRESS)).content.decode()

    assert all(name in html for name in real_settings.CELERY_BEAT_SCHEDULE)
    assert "Not run yet" in html


def test_the_page_of_a_task_writes_its_next_time_as_the_list_does(
    client: Client, db: None, task: Any
) -> None:
    periodic.note_schedule()
    client.force_login(UserFactory(is_staff=True, is_superuser=True))
    due = periodic.next_due(PeriodicTask.objects.get())
    assert due is not None

    listed = client.get(reverse(ADDRESS)).content.decode()
    opened = client.get(reverse("admin:core_periodictask_change", args=["nightly"]))

    words = date_format(due, "DATETIME_FORMAT")
    assert words in listed
    assert words in opened.content.decode()


def test_every_task_is_documented() -> None:
    page = Path(real_settings.BASE_DIR, "docs/reference/periodic-tasks.md")

    named = set(re.findall(r"^\| `([a-z-]+)` \|", page.read_text("utf-8"), re.M))
    assert named == set(real_settings.CELERY_BEAT_SCHEDULE)


def test_owners_do_not_see_the_installations_tasks(client: Client, alice: Any) -> None:
    client.force_login(alice)

    assert client.get(reverse(ADDRESS)).status_code == 403


def test_a_superuser_has_a_task_run_now(
    client: Client, db: None, task: Any, monkeypatch: Any
) -> None:
    sent: list[Any] = []
    monkeypatch.setattr(
        current_app._get_current_object(),
        "send_task",
        lambda name, **options: sent.append((name, options)),
    )
    periodic.note_schedule()
    client.force_login(UserFactory(is_staff=True, is_superuser=True))

    client.post(
        reverse(ADDRESS), {"action": "run_now", "_selected_action": ["nightly"]}
    )

    assert sent == [("tests.nightly", {"expires": 3600})]
