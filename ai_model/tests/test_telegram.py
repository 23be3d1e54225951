"""Telegram's whole way: update, turn, reply with buttons, press; and a storm of them.

`STORM` is the number of updates, each of which is delivered five times.
"""

from __future__ import annotations

import asyncio
import json
import os
import random
from typing import TYPE_CHECKING, Any

import pytest
from asgiref.sync import async_to_sync

from conversations.models import Conversation, Delivery, Message
from core.tests.asgi import acall, call_json
from core.tests.network import eventually
from feedback.models import Feedback
from integrations.models import Event
from integrations.tests.adapters.cases import payload
from integrations.tests.factories import TELEGRAM
from knowledge.tests.factories import EntryFactory

if TYPE_CHECKING:
    from integrations.models import Channel
    from integrations.rehearsal.telegram import TelegramServer

STORM = int(os.environ.get("STORM", "60"))
#: Messages of one chat in the storm.
EACH = 10
HEADERS = {
    "x-telegram-bot-api-secret-token": TELEGRAM["webhook_secret"],
    "content-type": "application/json",
}


def post(channel: Channel, update: dict[str, Any]) -> None:
    answer = call_json(channel.webhook_path, update, headers=HEADERS)
    assert (answer.status, answer.body) == (200, b"")


def written(number: int, text: str, chat: int = 5551) -> dict[str, Any]:
    update = payload("telegram", "message")
    update["update_id"] = number
    message = update["message"]
    message["message_id"], message["text"] = number, text
    message["chat"]["id"] = message["from"]["id"] = chat
    return update


@pytest.fixture
def entry(account: Any) -> Any:
    return EntryFactory(
        account=account,
        title="How long does delivery take?",
        body="Delivery takes three working days. Parcels leave our warehouse at noon.",
    )


def test_a_customer_starts_asks_and_rates_the_answer(
    engine: Any, telegram: Channel, telegram_api: TelegramServer, entry: Any
) -> None:
    start = payload("telegram", "start_payload")
    start["message"]["from"]["language_code"] = "en"
    post(telegram, start)
    eventually(lambda: len(telegram_api.texts(5551)) == 1)

    post(telegram, written(800, "How long does delivery take?"))
    eventually(lambda: len(telegram_api.texts(5551)) == 2)
    asked, answered = telegram_api.called("sendMessage")
    assert "Hello! How can I help you?" in asked["text"]
    assert "three working days" in answered["text"]
    (row,) = answered["reply_markup"]["inline_keyboard"]

    press = payload("telegram", "pressed_helpful")
    press["callback_query"]["data"] = row[0]["callback_data"]
    post(telegram, press)
    eventually(lambda: Feedback.objects.filter(rating="helpful").exists())
    eventually(lambda: telegram_api.called("answerCallbackQuery"))
    contact = Conversation.objects.get().contact
    assert (contact.name, contact.profile["start"]) == ("Bat Dorj", "order_42")


def test_who_asks_for_a_person_gets_one(
    engine: Any, telegram: Channel, telegram_api: TelegramServer
) -> None:
    post(telegram, payload("telegram", "human"))

    eventually(lambda: Conversation.objects.filter(status="support_active").exists())
    assert Conversation.objects.get().status_reason == "asked_for_person"


def test_who_has_blocked_the_bot_is_left_in_peace(
    engine: Any, telegram: Channel, telegram_api: TelegramServer, entry: Any
) -> None:
    telegram_api.blocked.add(5551)

    post(telegram, written(1, "How long does delivery take?"))

    eventually(lambda: Conversation.objects.filter(status="closed").exists())
    assert Conversation.objects.get().status_reason == "conversation_gone"


def test_a_pause_that_telegram_asks_for_is_kept(
    engine: Any, telegram: Channel, telegram_api: TelegramServer, entry: Any
) -> None:
    telegram_api.faults.append("429")

    post(telegram, written(1, "How long does delivery take?"))

    eventually(lambda: Delivery.objects.filter(state="sent").exists(), 30)
    assert Delivery.objects.get().attempts == 2


def test_a_storm_of_redeliveries_is_answered_once(
    engine: Any, telegram: Channel, telegram_api: TelegramServer, entry: Any
) -> None:
    """As Telegram delivers: each chat in its order, and again whatever it likes."""
    chats = [6000 + number for number in range(STORM // EACH)]
    shuffled = random.Random(7)

    async def send(update: dict[str, Any]) -> None:
        body = json.dumps(update).encode()
        answer = await acall(
            telegram.webhook_path, body, headers=HEADERS, timeout_s=120
        )
        assert answer.status == 200

    async def talk(chat: int) -> None:
        told: list[dict[str, Any]] = []
        for number in range(EACH):
            key = chat * 1000 + number
            update = written(key, "How long does delivery take?", chat)
            told.append(update)
            again = shuffled.choices(told, k=2)
            await asyncio.gather(send(update), send(update), *map(send, again))
        shuffled.shuffle(told)
        await asyncio.gather(*(send(each) for each in told))

    async def storm() -> None:
        await asyncio.gather(*map(talk, chats))

    async_to_sync(storm)()
    waiting = Message.objects.filter(author="contact", state="waiting")
    eventually(lambda: not Event.objects.filter(state="waiting").exists(), 300)
    eventually(lambda: not waiting.exists(), 300)
    eventually(lambda: not Delivery.objects.exclude(state="sent").exists(), 600)

    asked = Message.objects.filter(author="contact")
    assert asked.count() == len(chats) * EACH
    assert set(asked.values_list("state", flat=True)) == {"answered"}
    replies = Message.objects.filter(author="assistant")
    assert len(telegram_api.called("sendMessage")) == replies.count()
    for conversation in Conversation.objects.all():
        said = conversation.messages.order_by("id")
        told = said.filter(author="contact").values_list("external_id", flat=True)
        assert list(told) == sorted(told)
        read = said.filter(author="assistant").values_list("answers_up_to", flat=True)
        assert list(read) == sorted(set(read))
