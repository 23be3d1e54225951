"""Rules and their ladder: staff are told, rung by rung, until somebody takes it."""

from __future__ import annotations

import datetime as dt
import threading
from typing import Any

import pytest
from django.db import connection
from django.urls import reverse
from django.utils import timezone

from accounts.tests.factories import UserFactory
from conversations import services as conversations
from conversations.tests.factories import ConversationFactory, MessageFactory
from core.tests.network import eventually
from escalation import ladder, rules, services
from escalation.models import Alert, Escalation, Rung, Ticket

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def owner(alice: Any) -> Any:
    alice.email = "alice@shop.example"
    alice.save()
    return alice


@pytest.fixture
def escalation(channel: Any) -> Escalation:
    return make(channel)


def make(channel: Any, **more: Any) -> Escalation:
    conversation = ConversationFactory(channel=channel)
    question = MessageFactory(
        conversation=conversation, state="handed_over", text="Is <b>anybody</b> there?"
    )
    row = Escalation(
        account=channel.account,
        conversation=conversation,
        question=question,
        reason="asked_for_person",
        name="Jane Smith",
        email="jane@company.com",
        **more,
    )
    row.call_people(Escalation.State.OPEN)
    row.save()
    return row


def rung(account: Any, position: int, destination: str, **more: Any) -> Rung:
    values = {"wait_minutes": 10, **more}
    return Rung.objects.create(
        account=account, position=position, destination=destination, **values
    )


def wait(row: Escalation, minutes: int = 10) -> None:
    """Let time pass for an escalation, and have the worker look."""
    row.refresh_from_db()
    if row.due_at is not None:
        row.due_at -= dt.timedelta(minutes=minutes)
        row.save(update_fields=["due_at"])
    for key in ladder._due():
        ladder.climb(key)


def told() -> list[tuple[int, str]]:
    return list(Alert.objects.order_by("rung").values_list("rung", "destination"))


# --- Which rungs --------------------------------------------------------------


def test_without_rules_the_owners_are_mailed_after_a_while(
    escalation: Escalation, mailbox: Any
) -> None:
    found = rules.rungs_of(escalation)

    assert [each.destination for each in found] == ["desk", "email"]
    assert found[0].wait_minutes == rules.DEFAULT_WAIT


def test_without_e_mail_there_is_only_the_desk(escalation: Escalation) -> None:
    assert [each.destination for each in rules.rungs_of(escalation)] == ["desk"]


def test_a_reason_has_rungs_of_its_own_or_those_of_all(
    escalation: Escalation, account: Any, charlie: Any
) -> None:
    rung(charlie.accounts.get(), 1, "ticket", reason="asked_for_person")
    every = rung(account, 1, "email")
    assert rules.rungs_of(escalation) == [every]
    second = rung(account, 2, "ticket", reason="asked_for_person")
    first = rung(account, 1, "desk", reason="asked_for_person")
    rung(account, 1, "email", reason="timeout")

    assert rules.rungs_of(escalation) == [first, second]


# --- Climbing -----------------------------------------------------------------


def test_each_rung_waits_for_its_deadline(escalation: Escalation, account: Any) -> None:
    rung(account, 1, "desk", wait_minutes=5)
    rung(account, 2, "email", wait_minutes=15)
    rung(account, 3, "ticket")

    wait(escalation, 0)
    assert told() == []
    wait(escalation, 4)
    assert told() == []
    wait(escalation, 1)
    assert told() == [(1, "email")]
    wait(escalation, 14)
    assert not Ticket.objects.exists()
    wait(escalation, 1)

    assert Ticket.objects.get().escalation == escalation
    escalation.refresh_from_db()
    assert (escalation.rung, escalation.due_at) == (3, None)
    assert told() == [(1, "email")]


def test_whoever_takes_it_stops_the_ladder(
    escalation: Escalation, account: Any, bob: Any
) -> None:
    rung(account, 1, "desk")
    rung(account, 2, "email")
    wait(escalation, 0)

    conversations.hand_off(
        conversation=escalation.conversation, reason="taken_over", user=bob
    )
    wait(escalation)

    assert told() == []
    escalation.refresh_from_db()
    assert (escalation.state, escalation.acknowledged_by) == ("acknowledged", bob)


def test_a_glance_at_the_desk_takes_nothing(
    escalation: Escalation, account: Any, bob: Any, client: Any
) -> None:
    rung(account, 1, "email")
    client.force_login(bob)
    name = escalation.conversation.uuid

    assert client.get(reverse("desk-conversation", args=[name])).status_code == 200
    assert client.post(reverse("desk-read", args=[name])).status_code == 204
    wait(escalation)

    escalation.refresh_from_db()
    assert (escalation.state, escalation.acknowledged_by) == ("open", None)
    assert told() == [(0, "email")]


def test_the_button_on_the_desk_takes_it(
    escalation: Escalation, bob: Any, client: Any
) -> None:
    client.force_login(bob)
    name = escalation.conversation.uuid
    thread = reverse("desk-thread", args=[name])
    address = reverse("take-escalation", args=[escalation.uuid])
    assert address in client.get(thread).content.decode()

    response = client.post(address, headers={"X-Partial": "1"})

    assert response["Location"] == thread
    assert address not in client.get(thread).content.decode()
    escalation.refresh_from_db()
    assert (escalation.state, escalation.acknowledged_by) == ("acknowledged", bob)
    assert escalation.due_at is None


def test_what_a_developer_tries_calls_nobody(channel: Any) -> None:
    assert make(channel, agent_type="test").due_at is None


def test_two_workers_climb_one_rung(escalation: Escalation, account: Any) -> None:
    rung(account, 1, "email")
    rung(account, 2, "email")

    def work() -> None:
        ladder.climb(escalation.pk)
        connection.close()

    workers = [threading.Thread(target=work) for _ in range(4)]
    for each in workers:
        each.start()
    for each in workers:
        each.join()

    assert told() == [(0, "email")]
    escalation.refresh_from_db()
    assert escalation.rung == 1


# --- Telling ------------------------------------------------------------------


def test_the_owners_are_told_once(
    engine: Any, owner: Any, mailbox: Any, settings: Any, channel: Any, account: Any
) -> None:
    settings.PUBLIC_URL = "https://desk.shop.example"
    UserFactory(username="Dora", member_of=account, role="support", email="d@x.y")
    rung(account, 1, "email")
    row = make(channel)

    (found,) = mailbox.wait_for()
    eventually(lambda: Alert.objects.get().state == "done")

    assert mailbox.recipients == [["alice@shop.example"]]
    assert (
        found["Subject"] == "A customer needs a person: The customer asked for a person"
    )
    text = found.get_body(["plain"]).get_content()
    for part in ("Jane Smith", "Is <b>anybody</b> there?", "UTC"):
        assert part in text
    assert f"https://desk.shop.example/desk/{row.conversation.uuid}/" in text
    assert f"https://desk.shop.example/escalations/{row.uuid}/take/" in text
    html = found.get_body(["html"]).get_content()
    assert "Is &lt;b&gt;anybody&lt;/b&gt; there?" in html
    assert len(mailbox.messages) == 1


def test_a_rung_that_tells_nobody_is_passed_at_once(
    engine: Any, mailbox: Any, channel: Any, account: Any
) -> None:
    rung(account, 1, "email", wait_minutes=60)
    rung(account, 2, "ticket")
    make(channel)

    eventually(Ticket.objects.exists)
    (alert,) = Alert.objects.all()
    assert (alert.state, "e-mail address" in alert.error) == ("failed", True)


def test_a_ticket_that_the_desk_refuses_calls_people(
    engine: Any, owner: Any, mailbox: Any, channel: Any, desk: Any, freshdesk: Any
) -> None:
    rung(channel.account, 1, "email")
    row = make(channel, agent_type="customer")
    Escalation.objects.update(due_at=None, state="offered")
    freshdesk.faults.append("400")

    services.create_ticket(escalation=row)

    eventually(lambda: Alert.objects.filter(state="done").exists())
    alerts = [each for each in mailbox.messages if "needs a person" in each["Subject"]]
    assert "cf_new" in alerts[0].get_body(["plain"]).get_content()


def test_a_ticket_that_the_desk_has_calls_nobody(
    engine: Any, owner: Any, channel: Any, desk: Any, freshdesk: Any
) -> None:
    row = make(channel)
    Escalation.objects.update(due_at=None, state="offered")

    services.create_ticket(escalation=row)

    eventually(lambda: Ticket.objects.get().state == "done")
    row.refresh_from_db()
    assert (row.state, row.due_at) == ("ticket", None)


def test_a_ticket_that_is_only_here_calls_people(escalation: Escalation) -> None:
    Escalation.objects.update(due_at=None, state="offered")

    services.create_ticket(escalation=escalation)

    escalation.refresh_from_db()
    assert escalation.due_at is not None
    assert escalation.due_at <= timezone.now()


# --- "I take it" --------------------------------------------------------------


def test_the_link_shows_a_button_and_the_button_takes(
    escalation: Escalation, bob: Any, client: Any
) -> None:
    client.force_login(bob)
    address = reverse("take-escalation", args=[escalation.uuid])

    page = client.get(address)

    escalation.refresh_from_db()
    assert (page.status_code, escalation.acknowledged_at) == (200, None)
    assert "&lt;b&gt;anybody" in page.content.decode()

    answer = client.post(address)

    escalation.refresh_from_db()
    assert answer.url == f"/desk/{escalation.conversation.uuid}/"
    assert (escalation.state, escalation.acknowledged_by) == ("acknowledged", bob)
    assert "bob" in client.get(address).content.decode()


def test_strangers_take_nothing(
    escalation: Escalation, charlie: Any, client: Any
) -> None:
    address = reverse("take-escalation", args=[escalation.uuid])
    assert client.post(address).status_code == 302
    client.force_login(charlie)

    assert client.get(address).status_code == 404
    assert client.post(address).status_code == 404
    escalation.refresh_from_db()
    assert escalation.acknowledged_at is None
