"""Kommo's whole way: a bot calls, the assistant answers, the bot goes on."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest

from accounts.services import create_token
from conversations.models import Conversation, Delivery
from core.tests.asgi import call, call_json
from core.tests.network import eventually
from knowledge.tests.factories import EntryFactory

if TYPE_CHECKING:
    from accounts.models import Account, User
    from integrations.models import Channel
    from integrations.rehearsal.kommo import KommoServer

TEST = "/api/kommo/chat/test"
BODY = "Delivery takes three working days. Parcels leave our warehouse at noon."


@pytest.fixture
def entry(account: Account) -> None:
    EntryFactory(account=account, title="How long does delivery take?", body=BODY)


def write(kommo: KommoServer, channel: Channel, text: str) -> None:
    """A customer writes to the bot."""
    answer = call(channel.webhook_path, json.dumps(kommo.call(text)).encode())
    assert answer.status == 200


@pytest.mark.usefixtures("engine", "entry")
def test_a_customer_of_kommo_is_answered(
    kommo: KommoServer, kommo_channel: Channel
) -> None:
    write(kommo, kommo_channel, "How long does delivery take?")

    assert eventually(lambda: kommo.went) == ["wait"]
    assert "three working days" in "".join(kommo.seen)
    kommo_channel.refresh_from_db()
    assert eventually(lambda: type(kommo_channel).objects.get().last_event_at)


@pytest.mark.usefixtures("engine", "entry")
def test_who_asks_for_a_person_in_kommo_ends_the_bot(
    kommo: KommoServer, kommo_channel: Channel
) -> None:
    write(kommo, kommo_channel, "I want to talk to a human")

    assert eventually(lambda: kommo.stopped) == [8812345]
    assert kommo.went == ["handoff"]
    assert eventually(lambda: kommo.notes)
    assert "I want to talk to a human" in kommo.notes[0]
    assert Conversation.objects.get().status == "support_active"

    # What comes later waits for people: the assistant says nothing more.
    write(kommo, kommo_channel, "How long does delivery take?")
    eventually(lambda: Conversation.objects.get().unread == 2)
    assert len(kommo.went) == 1


@pytest.mark.usefixtures("engine", "entry")
def test_an_answer_that_comes_too_late_calls_a_person(
    kommo: KommoServer, kommo_channel: Channel
) -> None:
    payload = json.dumps(kommo.call("How long does delivery take?")).encode()
    kommo.waiting.clear()

    call(kommo_channel.webhook_path, payload)

    eventually(lambda: Delivery.objects.filter(state="failed").exists())
    assert Conversation.objects.get().needs_person
    assert "three working days" in kommo.notes[0]


@pytest.mark.usefixtures("engine", "entry")
def test_the_test_chat_shows_what_kommo_would_be_sent(
    account: Account, alice: User, bob: User
) -> None:
    body = json.dumps({"message": "How long does delivery take?"}).encode()
    headers = {
        "authorization": f"Bearer {create_token(user=bob, account=account)}",
        "content-type": "application/json",
        "content-length": str(len(body)),
    }

    found: Any = call(TEST, body, headers=headers).json

    assert "three working days" in found["reply"]
    assert "".join(found["chunks"]) == found["reply"]
    assert found["payload"]["execute_handlers"][0]["params"]["value"] in found["chunks"]
    assert found["sources"][0]["title"] == "How long does delivery take?"
    assert found["confidence"] > 0.5
    assert found["handoff"] is False


@pytest.mark.django_db(transaction=True)
def test_the_test_chat_needs_sign_in() -> None:
    assert call_json(TEST, {"message": "Hello"}).status == 401
