"""A press under a reply rates it."""

from __future__ import annotations

from typing import Any

import pytest
from django.utils import timezone

from ai_model.tests.factories import answered_turn
from conversations.models import Delivery
from conversations.tests.factories import ConversationFactory
from feedback.models import Feedback
from integrations import receiving
from integrations.models import Event
from integrations.tests.adapters.cases import payload
from knowledge.tests.factories import EntryFactory

pytestmark = pytest.mark.django_db


@pytest.fixture
def part(telegram: Any, account: Any) -> Delivery:
    """An answer that was sent."""
    EntryFactory(account=account, external_id="delivery")
    conversation = ConversationFactory(channel=telegram, external_id="5551")
    reply = answered_turn(conversation).reply
    assert reply is not None
    reply.reason = "answered"
    reply.sources = [{"entry_id": "delivery", "title": "Delivery"}]
    reply.save()
    return Delivery.objects.create(
        account=account,
        conversation=conversation,
        message=reply,
        text=reply.text,
        state="sent",
        due_at=timezone.now(),
    )


def press(channel: Any, data: str, number: int) -> None:
    import json

    update = payload("telegram", "pressed_helpful")
    update["callback_query"]["data"] = data
    Event.objects.create(
        channel=channel,
        delivery_key=str(number),
        body=json.dumps(update),
        received_at=timezone.now(),
    )
    receiving.work_off()


def test_a_thumb_under_an_answer_rates_it_once(telegram: Any, part: Delivery) -> None:
    for number, kind in enumerate(("helpful", "helpful", "unhelpful")):
        press(telegram, f"{kind}:{part.uuid}", number)

    assert [each.rating for each in Feedback.objects.all()] == ["helpful"]
    assert set(Event.objects.values_list("state", flat=True)) == {"done"}


@pytest.mark.parametrize("data", ["helpful:x", "helpful:", "boo:1", f"helpful:{0:032}"])
def test_a_made_up_press_rates_nothing(
    telegram: Any, part: Delivery, data: str
) -> None:
    press(telegram, data, 1)

    assert not Feedback.objects.exists()
    assert not Event.objects.filter(state="waiting").exists()
