"""Celery: the clock. It hosts the engine and runs timed jobs; the rows are the queue."""

from __future__ import annotations

import os
from typing import Any

from celery import Celery
from celery.signals import celeryd_init, worker_ready, worker_shutting_down

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "core.settings")
# `migrate` and `check` look at everything before a worker starts; here it would load
# every page, of which a worker shows none.
os.environ.setdefault("CELERY_SKIP_CHECKS", "yes")

app = Celery("answerdesk", task_cls="core.alone:LonelyTask")
app.config_from_object("django.conf:settings", namespace="CELERY")
app.autodiscover_tasks()


@celeryd_init.connect
def _begin(**_: Any) -> None:
    from core import memory

    memory.share_heaps()


@worker_ready.connect
def _start_work(**_: Any) -> None:
    from core import periodic, work

    periodic.note_schedule()
    work.start()


@worker_shutting_down.connect
def _stop_work(**_: Any) -> None:
    from core import work

    work.stop()
