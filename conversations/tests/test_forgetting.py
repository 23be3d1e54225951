"""Who wants to be forgotten is; others stay as they are."""

from __future__ import annotations

from typing import Any

import pytest
from django.utils import timezone

from ai_model.models import Turn
from ai_model.tests.factories import answered_turn
from conversations import intake
from conversations.models import Contact, Conversation, Delivery, Message
from conversations.tests.acting import commit, say
from conversations.tests.factories import ContactFactory, ConversationFactory
from integrations.adapters.inbound import InboundErasure
from integrations.facts import facts_of
from integrations.models import Event

pytestmark = pytest.mark.django_db


def forget(channel: Any, contact: str) -> None:
    intake.receive([(facts_of(channel), InboundErasure(contact))])


def test_words_and_names_are_erased(telegram: Any) -> None:
    contact = ContactFactory(
        channel=telegram, external_id="9001", name="Bat", profile={"phone": "+976"}
    )
    conversation = ConversationFactory(channel=telegram, contact=contact)
    answered_turn(conversation)
    Delivery.objects.create(
        account=conversation.account,
        conversation=conversation,
        text="It is on its way to Bat",
        due_at=timezone.now(),
    )

    forget(telegram, "9001")

    contact.refresh_from_db()
    conversation.refresh_from_db()
    assert (contact.name, contact.profile, conversation.last_text) == ("", {}, "")
    assert conversation.status == "closed"
    assert set(Message.objects.values_list("text", flat=True)) == {""}
    assert set(Delivery.objects.values_list("text", flat=True)) == {""}
    assert Turn.objects.get().query == ""


def test_what_arrived_is_erased_once_it_was_read(telegram: Any) -> None:
    ContactFactory(channel=telegram, external_id="9001")
    for number, (who, state) in enumerate(
        [("9001", "done"), ("9001", "waiting"), ("9002", "done")]
    ):
        Event.objects.create(
            channel=telegram,
            delivery_key=str(number),
            body=f'{{"from": "{who}"}}',
            state=state,
            received_at=timezone.now(),
        )

    forget(telegram, "9001")

    assert list(Event.objects.order_by("id").values_list("state", flat=True)) == [
        "waiting",
        "done",
    ]


def test_others_stay_as_they_are(telegram: Any, channel: Any) -> None:
    for each in (telegram, channel):
        say(each, "Where is my parcel?", id_="1")
        commit(Conversation.objects.get(channel=each))
    wanted = Contact.objects.get(channel=telegram)

    forget(telegram, wanted.external_id)
    forget(telegram, "nobody")

    kept = Message.objects.filter(conversation__channel=channel)
    assert set(kept.values_list("text", flat=True)) == {
        "Where is my parcel?",
        "Three days.",
    }
