"""Every query that runs hot finds its rows by an index, at 100,000 messages."""

from __future__ import annotations

import re
import uuid
from typing import TYPE_CHECKING, Any

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from ai_model import checks, claiming, turns
from ai_model.models import Turn
from conversations import asking, delivery, intake, services, sessions
from conversations.identity import Person
from conversations.models import Conversation, Delivery, Message
from core import store
from integrations import receiving
from integrations.adapters.inbound import InboundMessage
from integrations.facts import facts_of
from integrations.models import Event

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from django.db.models import Model

MESSAGES = 100_000
CONVERSATIONS = 10_000
#: Tables that grow with the traffic; the others are small and may be read whole.
BIG = "conversations_message|conversations_conversation|conversations_delivery|integrations_event|conversations_contact"


def fill(table: str, count: int, columns: dict[str, str]) -> None:
    """Fill a table from numbers 1 to `count`, called `n`; values are SQL."""
    numbers = (
        f"SELECT n FROM generate_series(1, {count}) AS n"
        if store.is_postgresql()
        else f"WITH RECURSIVE c(n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM c"
        f" WHERE n < {count}) SELECT n FROM c"
    )
    store.execute(
        f"INSERT INTO {table} ({', '.join(columns)})"
        f" SELECT {', '.join(columns.values())} FROM ({numbers}) AS numbers"
    )


@pytest.fixture
def filled(channel: Any) -> Any:
    """An account with much traffic behind it and a little work waiting."""
    number = (
        "lpad(to_hex(n), 32, '0')::uuid"
        if store.is_postgresql()
        else "printf('%%032x', n)"
    )
    now = f"'{timezone.now():%Y-%m-%d %H:%M:%S}'"
    own = {
        "uuid": number,
        "created_at": now,
        "account_id": str(channel.account_id),
    }
    on_channel = {**own, "channel_id": str(channel.pk), "external_id": "'t' || n"}
    no, empty = "false", "''"
    fill(
        "conversations_contact",
        CONVERSATIONS,
        {**on_channel, "name": empty, "email": empty, "profile": "'{}'"},
    )
    base = store.fetch("SELECT MIN(id) - 1 AS base FROM conversations_contact")[0][
        "base"
    ]
    fill(
        "conversations_conversation",
        CONVERSATIONS,
        {
            **on_channel,
            "contact_id": f"n + {base}",
            "address": "'{}'",
            "status": "'active'",
            "status_reason": empty,
            "epoch": "0",
            "needs_person": no,
            "has_offer": no,
            "lang": empty,
            "attempts": "0",
            "last_inbound_id": "0",
            "last_message_at": now,
            "last_text": empty,
            "unread": "0",
            "seq": "n",
        },
    )
    base = store.fetch("SELECT MIN(id) - 1 AS base FROM conversations_conversation")
    start = base[0]["base"]
    fill(
        "conversations_message",
        MESSAGES,
        {
            **own,
            "conversation_id": f"n %% {CONVERSATIONS} + 1 + {start}",
            "author": "'contact'",
            "text": "'hello'",
            "state": "'answered'",
            "reason": empty,
            "external_id": "'m' || n",
            "sources": "'[]'",
            "seq": "n",
        },
    )
    base = store.fetch("SELECT MIN(id) - 1 AS base FROM conversations_message")
    fill(
        "conversations_delivery",
        MESSAGES,
        {
            **own,
            "conversation_id": f"n %% {CONVERSATIONS} + 1 + {start}",
            "message_id": f"n + {base[0]['base']}",
            "kind": "'text'",
            "part": "0",
            "text": "'hello'",
            "state": "'sent'",
            "attempts": "1",
            "due_at": now,
            "must_look": no,
            "external_id": empty,
            "error": empty,
        },
    )
    fill(
        "integrations_event",
        MESSAGES,
        {
            "channel_id": str(channel.pk),
            "delivery_key": "'d' || n",
            "body": """'{"session_id": "t5", "message_id": "e5", "text": "Hi?"}'""",
            "state": "'done'",
            "note": empty,
            "attempts": "0",
            "received_at": now,
        },
    )
    with connection.cursor() as cursor:
        cursor.execute("ANALYZE")
    return channel


def arrive(channel: Any) -> Any:
    inbound = InboundMessage("t17", "t17", str(uuid.uuid4()), "Where is my parcel?")
    return intake.receive([(facts_of(channel), inbound)])


def answer(channel: Any) -> None:
    from ai_model.exchange import Answer

    arrive(channel)
    claims, _ = claiming.claim(1, 10)
    assert claims
    text = Answer("Soon.", Message.State.ANSWERED, "answered", "en")
    turns.settle([(each, text, True) for each in claims])


def deliver(channel: Any) -> None:
    row = Conversation.objects.get(channel=channel, external_id="t20")
    message = row.messages.order_by("-id")[0]
    Delivery.objects.filter(message=message).update(state="waiting")
    (claimed,) = delivery.claim(1, 10)
    delivery.start([claimed.id], 1)
    delivery.record([delivery.Outcome(claimed.id, Delivery.State.SENT, "x")])


def read_event(channel: Any) -> None:
    Event.objects.filter(channel=channel, delivery_key="d5").update(state="waiting")
    receiving.work_off()


def take_over(channel: Any) -> None:
    row = Conversation.objects.get(channel=channel, external_id="t18")
    services.hand_off(conversation=row, reason="taken_over")
    services.hand_back(conversation=row, reason="handed_back")


def recover(channel: Any) -> None:
    turns.recover(1)
    claiming.recover_unbegun(1, [])
    delivery.recover(1)
    delivery.held(1)
    checks.oldest_waiting_s()


def list_newest(channel: Any) -> None:
    rows = Conversation.objects.for_account(channel.account)
    list(rows.order_by("-last_message_at", "-id")[:30])
    list(rows.filter(seq__gt=CONVERSATIONS - 20).order_by("seq")[:30])


def read_missed(channel: Any) -> None:
    row = Conversation.objects.get(channel=channel, external_id="t19")
    list(row.messages.filter(seq__gt=5).order_by("seq", "id")[:200])


def ask(channel: Any) -> None:
    row = Conversation.objects.get(channel=channel, external_id="t21")
    assert None not in asking._look_each([row.messages.order_by("-id")[0].pk])


WORK = (
    arrive, answer, ask, deliver, read_event, take_over, recover, list_newest, read_missed,
)  # fmt: skip


def test_hot_queries_use_an_index(filled: Any) -> None:
    # As prepared statements are planned once they have run for a while.
    assert not readers_of_whole_tables(WORK, filled, "force_generic_plan")


def find_sessions(channel: Any) -> None:
    one = (channel, "customer", Person("7"), "customer-session-1")
    sessions.find_each([one] * 200)


def ask_first(_: Any) -> None:
    assert asking._look_each(range(1, 201)) == [None] * 200


def test_many_who_ask_are_found_by_an_index_in_a_new_database(channel: Any) -> None:
    """Where tables seem so small that PostgreSQL has a reason to read them whole."""
    works = [find_sessions, ask_first]
    assert not readers_of_whole_tables(works, channel, "force_custom_plan")


def readers_of_whole_tables(
    works: Iterable[Callable[[Any], None]], given: Any, plans: str
) -> str:
    """What reads a big table whole, with its statement and plan; empty: nothing."""
    if store.is_postgresql():
        store.execute(f"SET LOCAL plan_cache_mode = {plans}")
    whole = []
    for work in works:
        with CaptureQueriesContext(connection) as captured:
            work(given)
        # Those of a bundle travel together.
        for sql in (sql for query in captured for sql in query["sql"].split("; ")):
            is_read = re.match(r"\s*(SELECT|UPDATE|WITH|DELETE)", sql)
            if (is_read and re.search(BIG, sql)) or sql.startswith("EXECUTE"):
                plan = explain(sql)
                if reads_a_big_table_whole(plan):
                    whole.append(f"{work.__name__}: {sql}\n{plan}")

    return "\n\n".join(whole)


@pytest.mark.parametrize("model", [Message, Turn])
def test_rows_of_an_account_have_one_index(db: None, model: type[Model]) -> None:
    """One of the account alone would repeat the beginning of the one in order."""
    with connection.cursor() as cursor:
        table = model._meta.db_table
        known = connection.introspection.get_constraints(cursor, table).values()

    columns = [each["columns"] for each in known if each["index"]]
    assert ["account_id", "id"] in columns
    assert ["account_id"] not in columns


def explain(sql: str) -> str:
    """The database's plan for a statement, as text."""
    prefix = "EXPLAIN" if store.is_postgresql() else "EXPLAIN QUERY PLAN"
    with connection.cursor() as cursor:
        cursor.execute(f"{prefix} {sql.replace('%', '%%')}", [])
        return "\n".join(str(row[-1]) for row in cursor.fetchall())


def reads_a_big_table_whole(plan: str) -> bool:
    """Whether the plan walks through a big table row by row, without an index."""
    if store.is_postgresql():
        return re.search(rf"Seq Scan on ({BIG})\b", plan) is not None
    # `v` is the list of values of `store.update_from`.
    scans = re.findall(rf"SCAN (?:{BIG}|[a-uw-z])\b.*", plan)
    return any("USING" not in scan for scan in scans)
