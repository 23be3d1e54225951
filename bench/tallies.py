"""The benchmark's hand in a database with a long past: runs with Django, prints JSON.

`past` looks what there is, `feed` counts it all, `upkeep` lets messages arrive and counts them, `calls` and `lists` read
as the largest account does.
"""

from __future__ import annotations

import json
import os
import sys
import time
from collections import Counter
from typing import TYPE_CHECKING, Any
from urllib.parse import parse_qsl, urlencode

import django

from bench import naive
from bench.load import percentile
from bench.upkeep import Cpu, upkeep

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
PAGES = 60


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
    from ai_model.models import MonthTally, Tally
    from conversations.models import Message

    messages = Message.objects.count()
    began, cpu = time.monotonic(), Cpu()
    while feeding.feed():
        pass
    fed_s, fed_cpu = time.monotonic() - began, cpu.spent()
    settling.settle()
    settled_s, settled_cpu = time.monotonic() - began - fed_s, cpu.spent()
    sums: Counter[str] = Counter()
    for counts in MonthTally.objects.values_list("counts", flat=True):
        sums.update(counts)
    return {
        "tallies": Tally.objects.count(),
        "fed_s": fed_s,
        "fed_us": fed_cpu / messages * 1e6,
        "settled_s": settled_s,
        "settled_us": settled_cpu / messages * 1e6,
        "resolutions": sum(sums[name] for name in ("confirmed", "assumed", "reopened")),
    }


def calls() -> dict[str, Any]:
    """Each call of analytics, timed, beside the same figures counted from rows."""
    from ai_model.analytics import feeding

    # What came last is counted once those who wrote it are seen to have ended.
    feeding.feed()
    feeding.feed()
    client = _client()
    found: dict[str, Any] = {}
    for name, query in CALLS.items():
        path = "/api/v1/ai/analytics/" + ("csv/" if name.endswith("csv") else "")
        spent = _timed(lambda path=path, query=query: client(f"{path}?{query}"), TIMES)
        p95 = percentile(spent, 0.95)
        naive_ms = _naive_ms(query, client, is_table=name.endswith("csv"))
        found[name] = {
            "p50_ms": percentile(spent, 0.5),
            "p95_ms": p95,
            "naive_ms": naive_ms,
            "of_naive": p95 / naive_ms,
        }
    spent = _timed(lambda: client("/admin/ai_model/tally/?days=365"), TIMES)
    found["page"] = {
        "p50_ms": percentile(spent, 0.5),
        "p95_ms": percentile(spent, 0.95),
    }
    found["worst_ms"] = max(found[name]["p95_ms"] for name in CALLS)
    found["worst_of_naive"] = max(found[name]["of_naive"] for name in CALLS)
    return found


def _naive_ms(query: str, client: Callable[[str], Any], *, is_table: bool) -> float:
    """The faster of two times in which the rows tell the same."""
    from ai_model.analytics.reading import Period
    from ai_model.analytics.spans import start_of
    from integrations.models import Channel

    asked = dict(parse_qsl(query))
    channels = None
    if "channel" in asked:
        rows = Channel.objects.filter(account=1, provider=asked["channel"])
        channels = list(rows.values_list("pk", flat=True))
    since = start_of(Period.of_days(int(asked["days"])).first)
    told = client(f"/api/v1/ai/analytics/?{query}").json()
    messages, answers = told["messages"], told["answers"]
    spent = []
    for _ in range(2):
        ms, sums = naive.ask(1, since, channels=channels, is_table=is_table)
        spent.append(ms)
        assert sums == Counter(
            conversations=told["conversations"]["began"],
            contact=messages["customer"],
            assistant=messages["ai"],
            support=messages["support"],
            answered=answers["answered"],
            handed_over=answers["handed_over"],
            **told["feedback"],
        ), (sums, told)
    return min(spent)


def lists() -> dict[str, Any]:
    """The first page of conversations, and pages far below it."""
    from django.contrib.admin import site

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
    # As its last page leads to the rows below; of these the last whole page, up to 100.
    pages = (count - count * 9 // 10) // site.get_model_admin(
        Conversation
    ).list_per_page
    below = {
        "last_message_at__lte": deep.last_message_at.isoformat(),
        "p": max(1, min(100, pages)),
    }
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
