"""Rate limits of the public chat: what one person may ask, and a channel in all."""

from __future__ import annotations

import asyncio
import json
import uuid
from typing import Any

import pytest
from asgiref.sync import async_to_sync

from conversations.identity import sign
from conversations.models import Contact, Conversation, Message
from conversations.tests.test_api import PATH, PERSON, body
from core.tests.asgi import acall, call_json
from feedback.models import Feedback
from integrations.models import Event
from integrations.services import renew_secret

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture(autouse=True)
def _two_an_hour(settings: Any) -> None:
    settings.CHAT_RATE_LIMIT = "2/hour"


def ask(agent_id: str = "jane", **more: Any) -> Any:
    person = {"agent_id": agent_id, **more.pop("person", {})}
    return call_json(PATH, body("Hello", person=person), **more)


def test_one_question_too_many_is_told_when_the_next_may_come(
    engine: Any, channel: Any
) -> None:
    assert [ask().status for _ in range(2)] == [200, 200]

    refused = ask()

    assert refused.status == 429
    seconds = refused.json["detail"]["reset_in_seconds"]
    assert 3590 < seconds <= 3600
    assert refused.headers["retry-after"] == str(seconds)
    assert Message.objects.filter(author="contact").count() == 2


def test_a_refused_stranger_leaves_nothing_behind(engine: Any, channel: Any) -> None:
    channel.rate_limit = "1/hour"
    channel.save()
    ask()
    before = [each.objects.count() for each in (Contact, Conversation, Message)]

    ask(person={"name": "Somebody else"})

    assert before == [each.objects.count() for each in (Contact, Conversation, Message)]


def test_what_was_not_valid_does_not_count(engine: Any, channel: Any) -> None:
    for _ in range(3):
        assert call_json(PATH, body("", person={"agent_id": "jane"})).status == 400

    assert ask().status == 200


def test_people_are_counted_for_themselves(engine: Any, channel: Any) -> None:
    statuses = [ask(each).status for each in ("jane", "jane", "jane", "john")]

    assert statuses == [200, 200, 429, 200]


@pytest.mark.parametrize(("limit", "third"), [("", 429), ("3/hour", 200), ("off", 200)])
def test_a_channel_may_have_a_limit_of_its_own(
    engine: Any, channel: Any, limit: str, third: int
) -> None:
    channel.rate_limit = limit
    channel.save()

    assert [ask().status for _ in range(3)] == [200, 200, third]


@pytest.mark.parametrize(("own", "third"), [("", 200), ("2/hour", 429)])
def test_an_account_has_a_limit_for_channels_without_one(
    engine: Any, channel: Any, own: str, third: int
) -> None:
    channel.account.rate_limit = "3/hour"
    channel.account.save()
    channel.rate_limit = own
    channel.save()

    assert [ask().status for _ in range(3)] == [200, 200, third]


def test_nobody_shuts_out_the_others(engine: Any, channel: Any, settings: Any) -> None:
    """A stranger with one address makes up people; somebody elsewhere still comes in."""
    settings.CHAT_RATE_LIMIT = "1/hour"

    def at(address: str) -> int:
        sent = {"client": (address, 5000), "headers": JSON}
        name = uuid.uuid4().hex
        text = json.dumps(body("Hello", person={"agent_id": name})).encode()
        return int(async_to_sync(acall)(PATH, text, **sent).status)

    assert [at("203.0.113.5") for _ in range(51)] == [*[200] * 50, 429]
    assert at("198.51.100.7") == 200
    assert at("2001:db8::1") == 200


JSON = {"content-type": "application/json"}


def test_who_is_signed_for_is_not_counted_with_strangers(
    engine: Any, channel: Any
) -> None:
    secret = renew_secret(channel)
    for _ in range(3):
        ask("jane")

    signed = ask("jane", person={"signature": sign(secret, "jane")})

    assert ask("jane").status == 429
    assert signed.status == 200


def test_of_many_at_once_as_many_pass_as_may(
    engine: Any, channel: Any, settings: Any
) -> None:
    settings.CHAT_RATE_LIMIT = "5/hour"

    async def run() -> list[int]:
        text = json.dumps(body("Hello")).encode()
        calls = (acall(PATH, text, headers=JSON) for _ in range(20))
        return [answer.status for answer in await asyncio.gather(*calls)]

    statuses = async_to_sync(run)()

    assert (statuses.count(200), statuses.count(429)) == (5, 15)


def test_the_chat_page_is_limited_where_its_words_arrive(channel: Any) -> None:
    def say(session: str = "an-unguessable-session") -> Any:
        sent = {"session_id": session, "message_id": uuid.uuid4().hex, "text": "Hi"}
        return call_json(
            f"/webhooks/web/{channel.uuid}",
            sent,
            headers={"x-channel-key": channel.key},
        )

    assert [say().status for _ in range(2)] == [200, 200]
    refused = say()

    assert refused.status == 429
    assert refused.json["detail"]["reset_in_seconds"] > 3590
    assert refused.headers["retry-after"]
    assert Event.objects.count() == 2
    assert say("another-unguessable-session").status == 200


def test_ratings_are_counted_apart_from_questions(engine: Any, channel: Any) -> None:
    answers = [ask() for _ in range(2)]

    def rate(number: int) -> Any:
        return call_json(
            "/api/feedback",
            {
                "message_id": str(number),
                "session_id": answers[0].json["session_id"],
                "feedback_type": "helpful",
                "query": "Hello",
                "response": answers[number % 2].json["response"],
                "agent_type": "customer",
                "user_info": {**PERSON, "agent_id": "jane", "full_name": "Jane"},
            },
        )

    assert [rate(each).status for each in range(3)] == [200, 200, 429]
    assert Feedback.objects.count() == 2


def test_the_webhook_of_the_proof_of_concept_is_limited_too(
    engine: Any, channel: Any
) -> None:
    sent = {
        "event": "message_created",
        "message_type": "incoming",
        "content": "Hello",
        "conversation": {"id": 7},
    }

    statuses = [call_json("/webhook/chatwoot", sent).status for _ in range(3)]

    assert statuses == [200, 200, 429]
