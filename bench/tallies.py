"""The benchmark's hand in a database with a long past: runs with Django, prints JSON.

`past` looks what there is, `feed` counts it all, `upkeep` lets messages arrive and counts them, `calls` and `lists` read
as the largest account does.
"""

from __future__ import annotations

import datetime as dt
import json
import os
import sys
import time
import uuid
from pathlib import Path
from typing import TYPE_CHECKING, Any
from unittest import mock
from urllib.parse import urlencode

import django

from bench.load import percentile

if TYPE_CHECKING:
    from collections.abc import Callable

#: The calls that are timed: their query, and how often.
CALLS = {
    "day": "days=1",
    "month": "days=30",
    "month_channel": "days=30&channel=web",
    "year": "days=366",
    "year_csv": "days=366",
}
TIMES = 100
#: Minutes that are played, and questions of each.
MINUTES, PER_MINUTE = 5, 1_200
#: Messages of one webhook flush.
FLUSH = 20
PAGES = 60


class Cpu:
    """Processor seconds of this process and of its database connection."""

    def __init__(self) -> None:
        from core import store

        pid = store.fetch("SELECT pg_backend_pid() AS pid")[0]["pid"]
        self._path = Path(f"/proc/{pid}/schedstat")
        self._start = self._read()

    def _read(self) -> float:
        server = int(self._path.read_text(encoding="ascii").split()[0]) / 1e9
        return time.process_time() + server

    def spent(self) -> float:
        """Since the last look."""
        before, self._start = self._start, self._read()
        return self._start - before


def past() -> dict[str, Any]:
    """What there is already."""
    from conversations.models import Conversation, Message
    from core import store
    from integrations.models import Channel

    # Each run has keys of its own, and cannot read what another one has encrypted.
    Channel.objects.update(credentials={})
    size = store.fetch("SELECT pg_database_size(current_database()) AS size")[0]["size"]
    return {
        "messages": Message.objects.count(),
        "conversations": Conversation.objects.count(),
        "size_gb": size / 2**30,
    }


def feed() -> dict[str, Any]:
    """Count the whole past, and judge it."""
    from ai_model.analytics import feeding, settling
    from ai_model.models import Tally
    from conversations.models import Message

    messages = Message.objects.count()
    began, cpu = time.monotonic(), Cpu()
    while feeding.feed():
        pass
    fed_s, fed_cpu = time.monotonic() - began, cpu.spent()
    settling.settle()
    return {
        "tallies": Tally.objects.count(),
        "fed_s": fed_s,
        "fed_us": fed_cpu / messages * 1e6,
        "settled_s": time.monotonic() - began - fed_s,
    }


def upkeep() -> dict[str, Any]:
    """What counting costs beside what is counted, in processor time."""
    from django.db import transaction
    from django.utils import timezone

    from ai_model.analytics import feeding, nightly, settling, spans
    from ai_model.models import TallyFeed
    from conversations.models import Message

    _exchange(1)
    feeding.feed()
    ingest = counting = 0.0
    cpu = Cpu()
    for _ in range(MINUTES):
        cpu.spent()
        for _ in range(PER_MINUTE // FLUSH):
            _exchange(FLUSH)
        ingest += cpu.spent()
        feeding.feed()
        counting += cpu.spent()
    messages = 2 * MINUTES * PER_MINUTE
    settling.settle()
    mark = TallyFeed.objects.get()
    assert mark.settled_until is not None
    # The next night judges what was answered on the last whole day.
    start = spans.start_of(mark.settled_until - dt.timedelta(days=1))
    of_day = Message.objects.filter(
        created_at__gte=start, created_at__lt=start + dt.timedelta(days=1)
    ).count()
    at = spans.start_of(mark.settled_until) + dt.timedelta(days=1, hours=1)
    cpu.spent()
    began = time.monotonic()
    # Played and taken back, so that it can be played again.
    with mock.patch.object(timezone, "now", return_value=at), transaction.atomic():
        mended = nightly.run()
        transaction.set_rollback(True)
    night = cpu.spent()
    per_message = ingest / messages
    upkeep_each = counting / messages + night / max(1, of_day)
    return {
        "ingest_us": per_message * 1e6,
        "feed_us": counting / messages * 1e6,
        "night_us": night / max(1, of_day) * 1e6,
        "night_s": time.monotonic() - began,
        "mended": mended,
        "share": upkeep_each / per_message,
    }


def _exchange(count: int) -> None:
    """So many questions and their answers, model and search left out."""
    from ai_model import turns
    from ai_model.exchange import Answer
    from conversations import intake
    from conversations.models import Message
    from integrations.adapters.inbound import InboundMessage
    from integrations.facts import facts_of
    from integrations.models import Channel

    facts = facts_of(Channel.objects.filter(provider="web").order_by("pk")[0])
    names = [str(uuid.uuid4()) for _ in range(count)]
    intake.receive(
        [
            (facts, InboundMessage(name, name, name, "Where is my parcel?"))
            for name in names
        ]
    )
    claims, _ = turns.claim(1, count)
    sources = [{"entry_id": "entry-1", "title": "Entry 1", "confidence": 0.9}]
    answer = Answer(
        "It is on its way.", Message.State.ANSWERED, "answered", "en",
        confidence=0.93, sources=sources,
    )  # fmt: skip
    turns.settle([(each, answer, True) for each in claims])


def calls() -> dict[str, Any]:
    """Each call of analytics, timed, beside the same figures counted from rows."""
    client = _client()
    found: dict[str, Any] = {}
    for name, query in CALLS.items():
        path = "/api/v1/ai/analytics/" + ("csv/" if name.endswith("csv") else "")
        spent = _timed(lambda path=path, query=query: client(f"{path}?{query}"), TIMES)
        days = int(query.split("&")[0].removeprefix("days="))
        naive_ms = _naive_ms(days, is_web="channel" in query)
        found[name] = {
            "p50_ms": percentile(spent, 0.5),
            "p95_ms": percentile(spent, 0.95),
            "naive_ms": naive_ms,
            "of_naive": percentile(spent, 0.5) / naive_ms,
        }
    spent = _timed(lambda: client("/admin/ai_model/tally/?days=365"), TIMES)
    found["page"] = {
        "p50_ms": percentile(spent, 0.5),
        "p95_ms": percentile(spent, 0.95),
    }
    found["worst_ms"] = max(found[name]["p95_ms"] for name in CALLS)
    found["worst_of_naive"] = max(found[name]["of_naive"] for name in CALLS)
    return found


def _naive_ms(days: int, *, is_web: bool) -> float:
    """The same figures from rows, by what has to be true of them; no resolutions."""
    from ai_model.analytics.reading import Period
    from ai_model.analytics.sources import SOURCES
    from ai_model.analytics.spans import start_of

    since = start_of(Period.of_days(days).first)
    began = time.monotonic()
    for source in SOURCES:
        rows = source.rows.filter(**{"account": 1, f"{source.time}__gte": since})
        if is_web:
            way = "" if source.name == "conversation" else "conversation__"
            rows = rows.filter(**{f"{way}channel__provider": "web"})
        list(source.counted(rows))
    return (time.monotonic() - began) * 1000


def lists() -> dict[str, Any]:
    """The first page of conversations, and pages far below it."""
    from conversations import desk
    from conversations.models import Conversation
    from core import paging

    client = _client()
    rows = Conversation.objects.filter(account=1, last_message_at__isnull=False)
    rows = rows.order_by("-last_message_at", "-id")
    count = rows.count()
    deep = rows[count * 9 // 10]
    user = _owner()
    sessions = "/api/v1/ai/sessions/"
    cursor = paging._cursor_of(deep, "last_message_at")
    admin = "/admin/conversations/conversation/"
    # As its last page leads to the rows below; page 100 of these.
    below = {"last_message_at__lte": deep.last_message_at.isoformat(), "p": 100}
    tab = desk.Filter.ALL

    def read_desk(before: str) -> None:
        # As the page does: what it shows is read with it.
        for row in desk.page(user, tab, before).rows:
            str((row.contact, row.channel, row.account))

    pairs: dict[str, tuple[Callable[[], Any], Callable[[], Any]]] = {
        "sessions": (lambda: client(sessions), lambda: client(f"{sessions}?cursor={cursor}")),
        "desk": (lambda: read_desk(""), lambda: read_desk(desk._name(deep))),
        "admin": (lambda: client(admin), lambda: client(f"{admin}?{urlencode(below)}")),
    }  # fmt: skip
    found: dict[str, Any] = {"rows": count}
    for name, (first, far) in pairs.items():
        near_ms, far_ms = [], []
        for _ in range(PAGES):
            near_ms += _timed(first, 1)
            far_ms += _timed(far, 1)
        near, away = percentile(near_ms, 0.5), percentile(far_ms, 0.5)
        found[name] = {"first_ms": near, "deep_ms": away, "ratio": away / near}
    found["worst"] = max(found[name]["ratio"] for name in pairs)
    return found


def _timed(call: Callable[[], Any], times: int) -> list[float]:
    """Milliseconds of each call; one before does not count."""
    if times > 1:
        call()
    found = []
    for _ in range(times):
        began = time.perf_counter()
        call()
        found.append((time.perf_counter() - began) * 1000)
    return found


def _owner() -> Any:
    from accounts.models import Account, Membership, User

    account = Account.objects.get(pk=1)
    user, is_new = User.objects.get_or_create(username="bench", is_staff=True)
    if is_new:
        Membership.objects.create(user=user, account=account, role="owner")
    return user


def _client() -> Callable[[str], Any]:
    from django.test import Client

    client = Client(headers={"host": "localhost"})
    client.force_login(_owner())

    def get(path: str) -> Any:
        response = client.get(path)
        assert response.status_code == 200, (path, response.status_code)
        return response

    return get


def main() -> None:
    """`past | feed | upkeep | calls | lists`"""
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "core.settings")
    django.setup()
    verbs = {
        "past": past,
        "feed": feed,
        "upkeep": upkeep,
        "calls": calls,
        "lists": lists,
    }
    print(json.dumps(verbs[sys.argv[1]]()))


if __name__ == "__main__":
    main()
