"""What people do in Chatwoot, and news of it that is late or lost."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any

import pytest
from django.utils import timezone

from ai_model import claiming
from conversations import delivery, intake, looking, services
from conversations.models import Conversation, Delivery, Message
from conversations.tests.acting import commit, say
from conversations.tests.workers import Worker
from core.exceptions import ProviderError
from integrations import syncing
from integrations.adapters.inbound import InboundTurnover, Turnover
from integrations.facts import facts_of
from integrations.tests.chatwoot import CREDENTIALS, Rehearsal

if TYPE_CHECKING:
    from collections.abc import Iterator

    from integrations.models import Channel

pytestmark = pytest.mark.django_db


@pytest.fixture
def rehearsal(monkeypatch: Any) -> Iterator[Rehearsal]:
    monkeypatch.setenv("DJANGO_ALLOW_ASYNC_UNSAFE", "true")
    with Rehearsal() as made:
        yield made


@pytest.fixture
def worker() -> Iterator[Worker]:
    made = Worker()
    yield made
    made.lease.release()


@pytest.fixture
def connected(chatwoot: Channel) -> Channel:
    chatwoot.credentials = dict(CREDENTIALS)
    chatwoot.save()
    return chatwoot


@pytest.fixture
def row(rehearsal: Rehearsal, connected: Channel) -> Conversation:
    """A conversation that both sides know."""
    number = rehearsal.account.customer_writes("How long?")["conversation_id"]
    name = str(rehearsal.account.messages[number][0]["id"])
    address = {"conversation": str(number)}
    say(connected, "How long?", thread=str(number), id_=name, address=address)
    return Conversation.objects.get()


def news(row: Conversation, turnover: Turnover, **more: Any) -> None:
    """An event of Chatwoot arrives."""
    inbound = InboundTurnover(row.external_id, turnover, **more)
    intake.receive([(facts_of(row.channel), inbound)])
    row.refresh_from_db()


def send_all(worker: Worker) -> None:
    """All that waits leaves."""
    while True:
        Delivery.objects.filter(state="waiting").update(due_at=timezone.now())
        claimed = delivery.claim(worker.number, 10)
        if not claimed:
            return
        for each in claimed:
            outcome = asyncio.run(worker.deliver._attempt(each))  # noqa: SLF001
            if outcome is not None:
                delivery.record([delivery.replace(outcome, worker=each.worker)])


def look(worker: Worker) -> None:
    for each in looking.claim():
        asyncio.run(worker.look._look(each))  # noqa: SLF001


def test_a_late_echo_of_a_handoff_does_not_undo_a_hand_back(
    row: Conversation, worker: Worker
) -> None:
    services.hand_off(conversation=row, reason="taken_over")
    services.hand_back(conversation=row, reason="handed_back")
    send_all(worker)

    news(row, Turnover.TO_SUPPORT)
    assert (row.status, row.look_at is None) == ("active", False)
    look(worker)

    row.refresh_from_db()
    assert (row.status, row.look_at) == ("active", None)


def test_soon_after_a_hand_back_a_person_is_believed_after_a_look(
    row: Conversation, worker: Worker, rehearsal: Rehearsal
) -> None:
    services.hand_off(conversation=row, reason="taken_over")
    services.hand_back(conversation=row, reason="handed_back")
    send_all(worker)
    rehearsal.account.set_status(int(row.external_id), "open")

    news(row, Turnover.TO_SUPPORT)
    look(worker)

    row.refresh_from_db()
    assert (row.status, row.status_reason) == ("support_active", "person_acted")


def test_a_person_who_opens_it_is_believed_at_once(row: Conversation) -> None:
    news(row, Turnover.TO_SUPPORT)

    assert row.status == "support_active"
    assert Message.objects.get().state == "handed_over"


def test_an_assigned_person_has_it_at_once_and_chatwoot_is_told(
    row: Conversation, worker: Worker, rehearsal: Rehearsal
) -> None:
    news(row, Turnover.TO_SUPPORT, is_persons=True)
    send_all(worker)

    assert row.status == "support_active"
    assert rehearsal.account.conversations[int(row.external_id)]["status"] == "open"
    # No note: the person knows.
    assert len(rehearsal.account.messages[int(row.external_id)]) == 1


@pytest.mark.parametrize("act", ["writes", "opens", "resolves"])
def test_what_was_never_told_still_stops_the_reply(
    row: Conversation, worker: Worker, rehearsal: Rehearsal, act: str
) -> None:
    number = int(row.external_id)
    commit(row)
    Delivery.objects.update(state="waiting", worker=None)
    if act == "writes":
        rehearsal.account.person_writes(number, "I do it.")
    else:
        rehearsal.account.set_status(number, "open" if act == "opens" else "resolved")

    send_all(worker)

    row.refresh_from_db()
    assert row.status == ("closed" if act == "resolves" else "support_active")
    assert Message.objects.get(author="assistant").state == "withheld"
    assert rehearsal.account.said_by_bot(number) == []


def test_a_person_who_writes_stops_the_rest_of_a_handoffs_words(
    row: Conversation, worker: Worker, rehearsal: Rehearsal, monkeypatch: Any
) -> None:
    monkeypatch.setattr("integrations.adapters.chatwoot.ChatwootAdapter.max_length", 9)
    number = int(row.external_id)
    commit(row, "I call a colleague.", hands_off=True, reason="asked_for_person")
    first, *_rest = delivery.claim(worker.number, 10)
    asyncio.run(worker.deliver._attempt(first))  # noqa: SLF001
    delivery.record([delivery.Outcome(first.id, Delivery.State.SENT)])
    rehearsal.account.person_writes(number, "I am here.")

    send_all(worker)

    assert [each["content"] for each in rehearsal.account.said_by_bot(number)] == [
        "I call a"
    ]
    # What staff should know still comes.
    assert rehearsal.account.conversations[number]["status"] == "open"


def test_given_back_the_assistant_reads_nothing_of_before(
    row: Conversation, connected: Channel, worker: Worker
) -> None:
    news(row, Turnover.TO_SUPPORT)
    say(connected, "You are all thieves!", thread=row.external_id, id_="2")
    services.hand_back(conversation=row, reason="handed_back")
    say(connected, "Do you sell tents?", thread=row.external_id, id_="3")
    Conversation.objects.update(due_at=timezone.now())

    (claimed,), _ = claiming.claim(worker.number, 10)

    assert [each.text for each in claimed.question.history] == ["Do you sell tents?"]


# -- sync


def test_what_was_missed_is_taken_in_once(
    rehearsal: Rehearsal, connected: Channel
) -> None:
    rehearsal.account.customer_writes("Where is my parcel?")

    syncing.sync(connected)
    syncing.sync(connected)

    message = Message.objects.get()
    assert (message.text, message.state) == ("Where is my parcel?", "waiting")
    connected.refresh_from_db()
    assert connected.synced_at is not None


def test_what_a_person_has_replied_to_is_not_answered(
    rehearsal: Rehearsal, connected: Channel
) -> None:
    number = rehearsal.account.customer_writes("Where is it?")["conversation_id"]
    rehearsal.account.person_writes(number, "On its way.")
    rehearsal.account.set_status(number, "open")
    rehearsal.account.set_status(number, "pending")
    rehearsal.account.customer_writes("And the other one?", number)

    syncing.sync(connected)

    states = dict(Message.objects.filter(author="contact").values_list("text", "state"))
    assert states["Where is it?"] == "handed_over"
    assert Message.objects.filter(author="support").count() == 1


def test_without_a_users_token_nothing_can_be_listed(
    rehearsal: Rehearsal, connected: Channel
) -> None:
    connected.credentials = {**CREDENTIALS, "user_token": ""}
    connected.save()

    with pytest.raises(ProviderError, match="token of a user"):
        syncing.sync(connected)
