"""Tickets: one for each escalation, with a number at once, at the desk soon."""

from __future__ import annotations

import asyncio
import json
from typing import Any

import pytest
from asgiref.sync import async_to_sync

from conversations import services as conversations
from conversations.models import Conversation, Message
from core.exceptions import Conflict
from core.tests.asgi import acall, call_json
from core.tests.network import eventually
from escalation import api, services
from escalation.models import Escalation, Ticket
from escalation.tests.crm import FAILURES, QUESTION, act, report
from integrations import following
from integrations.desks.base import TicketNews, TicketReply
from integrations.models import FollowedTicket
from integrations.signals import ticket_changed
from integrations.tests.factories import ChannelFactory

pytestmark = pytest.mark.django_db(transaction=True)

SAID = {
    "conversation_history": [
        {
            "role": "user",
            "content": "How do I fix <b>X1234</b>?\nPlease.",
            "timestamp": "2024-02-09T10:30:00.000Z",
        },
        {
            "role": "assistant",
            "content": "I'm not confident I can help.",
            "timestamp": "2024-02-09T12:30:05.123+02:00",
        },
    ]
}
EVIL = "<script>alert('x')</script>"


def create(failure_id: str, said: Any = SAID, **options: Any) -> Any:
    return act(failure_id, "create-ticket", said, **options)


# --- Without a desk -----------------------------------------------------------


def test_without_a_desk_the_ticket_is_ours(failure_id: str, account: Any) -> None:
    answer = create(failure_id)

    assert answer.status == 200
    assert answer.json == {
        "ticket_id": "1",
        "id": "1",
        "number": 1,
        "message": "Hi Jane, I've created support ticket #1 for you. A support agent"
        " will reach out to you shortly with more details.",
    }
    row = Ticket.objects.get()
    assert (row.account, row.number, row.state, row.desk) == (account, 1, "done", None)
    assert (row.told, row.email) == ("1", "jane@company.com")
    assert row.history[1]["timestamp"] == "2024-02-09T10:30:05.123Z"
    assert str(row.escalation.uuid) == failure_id
    assert (row.escalation.state, row.escalation.opened_at is None) == ("ticket", False)
    assert Conversation.objects.get().needs_person


def test_accepting_again_gives_the_same_ticket(failure_id: str) -> None:
    assert create(failure_id).json == create(failure_id).json
    assert Ticket.objects.count() == 1


def test_accepting_at_once_makes_one_ticket(failure_id: str) -> None:
    headers = {"content-type": "application/json"}
    path, body = f"{FAILURES}{failure_id}/create-ticket", json.dumps(SAID).encode()

    async def run() -> list[Any]:
        calls = (acall(path, body, headers=headers) for _ in range(6))
        return await asyncio.gather(*calls)

    answers = async_to_sync(run)()

    assert {(each.status, each.json["ticket_id"]) for each in answers} == {(200, "1")}
    assert Ticket.objects.count() == 1


def test_tickets_at_once_have_different_numbers(channel: Any) -> None:
    headers = {"content-type": "application/json"}
    ids = [report(session_id=f"s{each}").json["id"] for each in range(6)]

    async def run() -> list[Any]:
        return await asyncio.gather(
            *(
                acall(
                    f"{FAILURES}{each}/create-ticket",
                    json.dumps(SAID).encode(),
                    headers=headers,
                )
                for each in ids
            )
        )

    answers = async_to_sync(run)()

    numbers = sorted(each.json["ticket_id"] for each in answers)
    assert numbers == ["1", "2", "3", "4", "5", "6"]


def test_each_account_counts_for_itself(failure_id: str) -> None:
    other = {"headers": {"x-channel-key": ChannelFactory().key}}
    theirs = report(options=other).json["id"]

    assert create(failure_id).json["ticket_id"] == "1"
    assert create(theirs, **other).json["ticket_id"] == "1"


def test_whoever_declined_may_change_their_mind(failure_id: str) -> None:
    act(failure_id, "decline")

    assert create(failure_id).status == 200
    assert Escalation.objects.get().state == "ticket"


def test_a_ticket_cannot_be_declined(failure_id: str) -> None:
    create(failure_id)

    answer = act(failure_id, "decline")

    assert (answer.status, answer.json["code"]) == (409, "has_ticket")
    assert Escalation.objects.get().state == "ticket"


def test_accepting_and_declining_at_once_agree(failure_id: str) -> None:
    headers = {"content-type": "application/json"}

    async def run() -> list[Any]:
        return await asyncio.gather(
            *(
                acall(
                    f"{FAILURES}{failure_id}/{what}",
                    json.dumps(SAID).encode(),
                    headers=headers,
                )
                for what in ("create-ticket", "decline") * 3
            )
        )

    answers = async_to_sync(run)()

    assert {each.status for each in answers[::2]} == {200}
    assert {each.status for each in answers[1::2]} <= {200, 409}
    assert Ticket.objects.count() == 1
    assert Escalation.objects.get().state == "ticket"


def test_the_sentence_is_in_the_customers_language(failure_id: str) -> None:
    Conversation.objects.update(lang="es")

    assert "#1" in create(failure_id).json["message"]
    assert create(failure_id).json["message"].startswith("Hola, Jane")


def test_a_persons_reply_answers_the_ticket(failure_id: str, bob: Any) -> None:
    create(failure_id)

    conversations.reply(
        conversation=Conversation.objects.get(), user=bob, text="Like this."
    )

    row = Escalation.objects.get()
    assert (row.state, row.acknowledged_by) == ("answered", bob)


@pytest.mark.parametrize("what", ["create-ticket", "decline"])
def test_whoever_may_ask_may_decide_and_no_more_often(
    channel: Any, settings: Any, what: str
) -> None:
    settings.CHAT_RATE_LIMIT = "1/hour"
    id_ = report().json["failure_id"]

    assert act(id_, what, SAID).status == 200

    answer = act(id_, what, SAID)
    assert (answer.status, answer.json["code"]) == (429, "rate_limited")
    assert 0 < answer.json["detail"]["reset_in_seconds"] <= 3600
    assert int(answer.headers["retry-after"]) > 0


# --- What is no request for a ticket ------------------------------------------


ENTRY = {"role": "user", "content": "Hi", "timestamp": "2024-02-09T10:30:00Z"}


WRONG_ENTRIES: list[dict[str, Any]] = [
    {"role": "system"}, {"role": None}, {"content": None}, {"content": "x" * 50_001},
    {"content": "\x00"}, {"content": ["a"]}, {"timestamp": "yesterday"},
    {"timestamp": 17}, {"timestamp": None}, {"timestamp": "0001-01-01T00:00:00+14:00"},
]  # fmt: skip
WRONG_HISTORIES: list[Any] = [
    None, "Hi", {"role": "user"}, ["Hi"], [ENTRY] * 501,
    *([ENTRY, {**ENTRY, **change}] for change in WRONG_ENTRIES),
]  # fmt: skip


def test_a_history_that_is_none_is_refused(failure_id: str) -> None:
    for said in ({}, *({"conversation_history": each} for each in WRONG_HISTORIES)):
        answer = create(failure_id, said)
        assert (answer.status, answer.json["code"]) == (400, "invalid_payload")
        assert "conversation_history" in answer.json["detail"]
    assert not Ticket.objects.exists()


def test_a_history_may_be_empty(failure_id: str) -> None:
    assert create(failure_id, {"conversation_history": []}).status == 200


# --- With a desk --------------------------------------------------------------


@pytest.fixture
def working(engine: Any, desk: Any) -> Any:
    """A desk, and a worker that makes tickets there."""
    return desk


def test_the_desks_number_is_what_the_customer_gets(
    working: Any, failure_id: str, freshdesk: Any
) -> None:
    answer = create(failure_id)

    assert answer.json["ticket_id"] == "101"
    assert "#101" in answer.json["message"]
    row = Ticket.objects.get()
    assert (row.state, row.external_id, row.desk) == ("done", "101", working)
    assert row.url == f"{freshdesk.url}/a/tickets/101"
    assert FollowedTicket.objects.get().external_id == "101"


def test_the_desk_gets_all_that_is_known(
    working: Any, channel: Any, freshdesk: Any
) -> None:
    id_ = report(query=EVIL, user_name="Jane <Smith>").json["id"]

    create(id_)

    (call,) = [each for each in freshdesk.calls if each.method == "POST"]
    assert call.body["email"] == "jane@company.com"
    assert call.body["subject"].startswith(EVIL[:20])
    assert call.body["custom_fields"]["cf_conversation"] == id_
    assert "assistant" in call.body["tags"]
    html = call.body["description"]
    for part in (
        "&lt;script&gt;alert(&#x27;x&#x27;)&lt;/script&gt;",
        "Jane &lt;Smith&gt;",
        "Sales",
        "Cape Town",
        "not confident I can help with this",
        "fix &lt;b&gt;X1234&lt;/b&gt;?<br>Please.",
        "2024-02-09T10:30:05.123Z",
        "0.35",
    ):
        assert part in html
    assert "<script" not in html


def test_a_desk_that_is_slow_gets_its_ticket_in_the_background(
    working: Any, failure_id: str, freshdesk: Any, monkeypatch: Any
) -> None:
    monkeypatch.setattr(api, "DESK_WAIT_S", 0.0)
    freshdesk.faults.extend(["429", "lost_after", "429"])

    answer = create(failure_id)

    assert (answer.status, answer.json["ticket_id"]) == (200, "1")
    eventually(lambda: Ticket.objects.get().external_id == "101")
    assert len(freshdesk.tickets.rows) == 1
    # What the customer was told stays what the ticket is called.
    assert create(failure_id).json["ticket_id"] == "1"


def test_what_the_desk_refuses_stays_open_with_its_words(
    working: Any, failure_id: str, freshdesk: Any
) -> None:
    freshdesk.faults.append("400")

    answer = create(failure_id)

    assert (answer.status, answer.json["ticket_id"]) == (200, "1")
    row = Ticket.objects.get()
    assert (row.state, row.escalation.state) == ("failed", "open")
    assert "cf_new" in row.error
    assert act(failure_id, "decline").status == 409

    services.send_ticket_again(ticket=row)

    eventually(lambda: Ticket.objects.get().state == "done")
    row.refresh_from_db()
    assert (row.external_id, row.error) == ("101", "")
    assert Escalation.objects.get().state == "ticket"


def test_what_has_not_failed_is_not_sent_again(failure_id: str) -> None:
    create(failure_id)

    with pytest.raises(Conflict):
        services.send_ticket_again(ticket=Ticket.objects.get())


def test_a_desk_that_is_switched_off_gets_nothing(
    engine: Any, desk: Any, failure_id: str, freshdesk: Any
) -> None:
    desk.is_active = False
    desk.save()

    assert create(failure_id).json["ticket_id"] == "1"
    assert freshdesk.calls == []


def test_what_a_dead_worker_was_making_is_looked_for(
    desk: Any, failure_id: str, freshdesk: Any, monkeypatch: Any, request: Any
) -> None:
    monkeypatch.setattr(api, "DESK_WAIT_S", 0.0)
    create(failure_id)
    # It had stored the ticket on the desk when its process was killed.
    freshdesk.tickets.add(
        {
            "email": "jane@company.com",
            "custom_fields": {"cf_conversation": failure_id},
        }
    )
    Ticket.objects.update(state="running", worker=123_456_789, attempts=1)

    request.getfixturevalue("engine")

    eventually(lambda: Ticket.objects.get().state == "done")
    assert Ticket.objects.get().external_id == "101"
    assert len(freshdesk.tickets.rows) == 1


def test_replies_on_the_desk_come_back_into_the_conversation(
    working: Any, failure_id: str, freshdesk: Any
) -> None:
    create(failure_id)

    freshdesk.tickets.say(101, "Turn it off and on.")
    freshdesk.tickets.change(101, status=4)
    following.notice(working, ["101"])

    eventually(lambda: Escalation.objects.get().state == "answered")
    assert Message.objects.get(author="support").text == "Turn it off and on."
    assert Ticket.objects.get().desk_status == "solved"


def test_news_of_tickets_that_are_not_ours_are_nothing(
    desk: Any, failure_id: str
) -> None:
    reply = TicketReply("1", "Hi", "", Escalation.objects.get().created_at)

    ticket_changed.send(
        sender=None, desk=desk, news=TicketNews("999", "closed", (reply,))
    )

    assert not Message.objects.filter(author="support").exists()


# --- The customer's page ------------------------------------------------------


def test_the_page_shows_only_this_ticket(failure_id: str, client: Any) -> None:
    report(session_id="other", query="Somebody else's secret")
    create(failure_id)

    page = client.get(f"/tickets/{Ticket.objects.get().uuid}/")

    assert page.status_code == 200
    assert QUESTION in page.content.decode()
    assert "secret" not in page.content.decode()
    assert page["X-Robots-Tag"] == "noindex"


def test_the_page_escapes_what_was_written(channel: Any, client: Any) -> None:
    create(report(query=EVIL).json["id"])

    page = client.get(f"/tickets/{Ticket.objects.get().uuid}/")

    assert "<script>alert" not in page.content.decode()


def test_the_failures_id_does_not_open_the_page(failure_id: str, client: Any) -> None:
    create(failure_id)

    assert client.get(f"/tickets/{failure_id}/").status_code == 404
    assert client.post(f"/tickets/{Ticket.objects.get().uuid}/").status_code == 405


def test_the_seconds_form_of_the_path_is_told(failure_id: str) -> None:
    answer = call_json(f"{FAILURES}{failure_id}/create-ticket/", SAID)

    assert answer.status == 404
    assert f"{FAILURES}{failure_id}/create-ticket." in answer.json["detail"]
