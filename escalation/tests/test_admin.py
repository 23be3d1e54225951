"""The pages on which owners and support staff see escalations, and set the rules."""

from __future__ import annotations

from typing import Any

import pytest
from django.urls import reverse

from conversations.models import Conversation, Message
from escalation.models import (
    Alert,
    Escalation,
    IncomingMail,
    Letter,
    Note,
    Rung,
    Ticket,
)
from escalation.tests.crm import act, report
from integrations.tests.factories import DeskFactory

pytestmark = pytest.mark.django_db(transaction=True)

SAID = {"conversation_history": []}
MODELS = (Escalation, Ticket, Letter, Note, IncomingMail, Alert, Rung)
WORDS = "cf_new: It should not be blank"


@pytest.fixture
def ticket(failure_id: str, account: Any) -> Ticket:
    """One that its desk has refused."""
    act(failure_id, "create-ticket", SAID)
    row = Ticket.objects.get()
    row.desk = DeskFactory(account=account)
    row.state, row.error = "failed", WORDS
    row.save()
    Letter.objects.create(account=account, ticket=row, state="failed", error="550 No")
    Alert.objects.create(
        account=account, escalation=row.escalation, rung=0, destination="email"
    )
    Note.objects.create(account=account, ticket=row, message=row.escalation.question)
    IncomingMail.objects.create(
        account=account, ticket=row, kind="unverified", sender="jane@company.com"
    )
    Rung.objects.create(account=account, position=1, destination="email")
    return row


def page(model: Any, key: Any = None) -> str:
    name = f"admin:escalation_{model._meta.model_name}"
    if key is None:
        return reverse(f"{name}_changelist")
    return reverse(f"{name}_change", args=[key])


@pytest.mark.parametrize("model", MODELS)
def test_an_owner_sees_the_accounts_rows(
    ticket: Ticket, alice: Any, client: Any, model: Any
) -> None:
    client.force_login(alice)
    row = model.objects.get()

    assert f"/{row.pk}/change/" in client.get(page(model)).content.decode()
    assert client.get(page(model, row.pk)).status_code == 200


@pytest.mark.parametrize("model", MODELS)
def test_another_owner_sees_none(
    ticket: Ticket, charlie: Any, client: Any, model: Any
) -> None:
    client.force_login(charlie)
    row = model.objects.get()

    assert f"/{row.pk}/change/" not in client.get(page(model)).content.decode()
    assert client.get(page(model, row.pk)).status_code == 302


def test_a_list_costs_the_same_for_many(
    ticket: Ticket, alice: Any, client: Any, django_assert_max_num_queries: Any
) -> None:
    for number in range(5):
        id_ = report(session_id=f"s{number}").json["id"]
        act(id_, "create-ticket", SAID)
    client.force_login(alice)

    for model in (Escalation, Ticket):
        with django_assert_max_num_queries(10):
            client.get(page(model))


def test_a_refused_ticket_is_sent_again(
    ticket: Ticket, alice: Any, client: Any
) -> None:
    client.force_login(alice)

    client.post(
        page(Ticket),
        {"action": "send_again", "confirmed": "yes", "_selected_action": ticket.pk},
    )
    client.post(
        page(Letter),
        {
            "action": "send_again",
            "confirmed": "yes",
            "_selected_action": Letter.objects.get().pk,
        },
    )

    ticket.refresh_from_db()
    assert (ticket.state, ticket.error, ticket.attempts) == ("waiting", "", 0)
    assert Letter.objects.get().state == "waiting"


def test_a_question_that_is_not_asked_again_is_named(
    ticket: Ticket, alice: Any, client: Any
) -> None:
    client.force_login(alice)
    row = ticket.escalation
    Message.objects.filter(pk=row.question_id).update(state=Message.State.ANSWERED)
    values = {"action": "ask_again", "confirmed": "yes", "_selected_action": row.pk}

    told = client.post(page(Escalation), values, follow=True).content.decode()

    assert f"{row.contact_name}: " in told
    assert "Only what failed or was handed over is asked again." in told


def test_nobody_changes_what_has_happened(
    ticket: Ticket, alice: Any, client: Any
) -> None:
    client.force_login(alice)

    for row in (ticket, ticket.escalation):
        assert client.post(page(type(row), row.pk), {"state": "x"}).status_code == 403


def test_an_owner_adds_a_rule(account: Any, alice: Any, client: Any) -> None:
    client.force_login(alice)
    rule = {
        "account": account.pk,
        "reason": "timeout",
        "position": 1,
        "destination": "ticket",
        "wait_minutes": 5,
    }

    client.post(reverse("admin:escalation_rung_add"), rule)

    row = Rung.objects.get()
    assert (row.account, row.destination, row.wait_minutes) == (account, "ticket", 5)


# --- The live desk ------------------------------------------------------------


def thread(client: Any) -> str:
    name = Conversation.objects.get().uuid
    found = client.get(reverse("desk-thread", args=[name]))
    return str(found.content.decode())


def test_the_thread_shows_reason_state_number_and_what_went_wrong(
    ticket: Ticket, bob: Any, client: Any
) -> None:
    client.force_login(bob)

    shown = thread(client)

    for part in ("Not sure enough to answer", "#1", WORDS, "550 No", "Send again"):
        assert part in shown


def test_a_ticket_on_the_desk_is_linked(ticket: Ticket, bob: Any, client: Any) -> None:
    client.force_login(bob)
    address = "https://shop.freshdesk.com/a/tickets/9630"
    Ticket.objects.update(state="done", error="", external_id="9630", url=address)

    shown = thread(client)

    assert f'href="{address}"' in shown
    assert ">#9630</a>" in shown


def test_sending_again_shows_the_thread(ticket: Ticket, bob: Any, client: Any) -> None:
    client.force_login(bob)
    address = reverse("ticket-again", args=[ticket.uuid])

    answer = client.post(address, headers={"x-partial": "1"}, follow=True)

    assert "being made on the desk" in answer.content.decode()
    assert client.post(address).status_code == 409
    assert client.get(address).status_code == 405


def test_strangers_send_nothing(ticket: Ticket, charlie: Any, client: Any) -> None:
    address = reverse("ticket-again", args=[ticket.uuid])
    assert client.post(address).status_code == 302
    client.force_login(charlie)

    assert client.post(address).status_code == 404
    ticket.refresh_from_db()
    assert ticket.state == "failed"


def test_a_thread_without_escalations_shows_no_panel(
    conversation: Any, bob: Any, client: Any
) -> None:
    client.force_login(bob)

    assert 'class="escalation"' not in thread(client)
