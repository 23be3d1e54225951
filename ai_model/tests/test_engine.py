"""A message's whole way: inbox, receive, engine, commit, deliver."""

from __future__ import annotations

import asyncio
import hashlib
import hmac
import json
import time
from typing import Any

import httpx2
import pytest
from asgiref.sync import async_to_sync
from asgiref.testing import ApplicationCommunicator
from django.utils import timezone

from ai_model import claiming, turns
from ai_model.models import Assistant, Turn, Usage
from conversations import intake, services
from conversations.models import Conversation, Delivery, Message
from core import http, lease, work
from core.asgi import application
from core.tests.network import eventually
from integrations.adapters.inbound import InboundMessage
from integrations.facts import facts_of
from integrations.models import Event
from integrations.tests.factories import CHATWOOT_SECRET
from knowledge.tests.factories import EntryFactory

QUESTION = "How long does delivery take?"


@pytest.fixture
def entry(account: Any) -> Any:
    return EntryFactory(
        account=account,
        title="How long does delivery take?",
        body="Delivery takes three working days. Parcels leave our warehouse at noon.",
    )


@pytest.fixture
def other_entries(account: Any) -> None:
    for title, body in {
        "Returning an item": "You may send it back within 30 days for a full refund.",
        "Gift cards": "Gift cards are valid for two years and cannot be paid out.",
        "Repairing a tent": "Our workshop mends zips and poles for a small fee.",
    }.items():
        EntryFactory(account=account, title=title, body=body)


def say(channel: Any, text: str, *, thread: str = "thread-1", id_: str = "") -> Any:
    """A contact writes."""
    inbound = InboundMessage(
        conversation_id=thread,
        contact_id=thread,
        external_id=id_,
        text=text,
        address={"conversation": "418"},
    )
    return intake.receive([(facts_of(channel), inbound)])[0]


def settled(message_id: int) -> Message:
    return eventually(
        lambda: Message.objects.filter(pk=message_id).exclude(state="waiting").first()
    )


def post(path: str, body: bytes, headers: dict[str, str]) -> tuple[int, Any]:
    """A request to the real ASGI application."""

    async def run() -> tuple[int, Any]:
        app = ApplicationCommunicator(
            application,
            {
                "type": "http",
                "method": "POST",
                "path": path,
                "query_string": b"",
                "headers": [(k.encode(), v.encode()) for k, v in headers.items()],
            },
        )
        await app.send_input({"type": "http.request", "body": body})
        start = await app.receive_output(5)
        answer = await app.receive_output(5)
        return start["status"], json.loads(answer["body"])

    return async_to_sync(run)()


def signed(body: dict[str, Any]) -> tuple[bytes, dict[str, str]]:
    raw = json.dumps(body).encode()
    stamp = str(int(time.time()))
    digest = hmac.new(
        CHATWOOT_SECRET.encode(), f"{stamp}.".encode() + raw, hashlib.sha256
    ).hexdigest()
    return raw, {
        "x-chatwoot-timestamp": stamp,
        "x-chatwoot-signature": f"sha256={digest}",
    }


def chatwoot_message(number: int, text: str, **changes: Any) -> dict[str, Any]:
    return {
        "event": "message_created",
        "id": number,
        "content": text,
        "message_type": "incoming",
        "private": False,
        "sender": {"id": 771, "name": "Bat", "email": "bat@example.mn"},
        "account": {"id": 3},
        "inbox": {"id": 12},
        "conversation": {"id": 418, "status": "pending"},
        **changes,
    }


def test_a_question_is_answered_with_its_source(
    engine: Any, channel: Any, entry: Any, other_entries: None
) -> None:
    received = say(channel, QUESTION)

    question = settled(received.message_id)
    reply = Message.objects.get(author="assistant")
    turn = Turn.objects.get()
    assert question.state == Message.State.ANSWERED
    assert "three working days" in reply.text
    assert reply.sources[0]["entry_id"] == str(entry.uuid)
    assert reply.sources[0]["revision"] == 1
    assert reply.confidence is not None
    assert turn.reply == reply
    assert turn.state == "answered"
    assert turn.provider == "local"
    assert Usage.objects.get().requests == 1


def test_what_the_knowledge_does_not_say_is_not_answered(
    engine: Any, channel: Any, entry: Any, other_entries: None
) -> None:
    received = say(channel, "Who won the chess championship in 1972?")

    question = settled(received.message_id)
    reply = Message.objects.get(author="assistant")
    conversation = Conversation.objects.get()
    assert question.state == Message.State.HANDED_OVER
    assert question.reason in ("low_confidence", "no_results")
    assert "person" in reply.text
    assert conversation.status == "active"
    assert conversation.needs_person


def test_yes_to_the_offer_brings_a_person(
    engine: Any, channel: Any, entry: Any, other_entries: None
) -> None:
    settled(say(channel, "Who won the chess championship in 1972?").message_id)

    question = settled(say(channel, "yes please.").message_id)

    assert question.reason == "asked_for_person"
    assert Conversation.objects.get().status == "support_active"


def test_no_to_the_offer_leaves_the_assistant_in_place(
    engine: Any, channel: Any, entry: Any, other_entries: None
) -> None:
    settled(say(channel, "Who won the chess championship in 1972?").message_id)

    question = settled(say(channel, "no, thanks.").message_id)

    assert (question.state, question.reason) == (Message.State.ANSWERED, "declined")
    assert Conversation.objects.get().status == "active"


def test_who_asks_for_a_person_is_handed_over(
    engine: Any, channel: Any, entry: Any
) -> None:
    question = settled(say(channel, "I want to speak to a human!").message_id)

    conversation = Conversation.objects.get()
    assert question.reason == "asked_for_person"
    assert conversation.status == "support_active"
    assert conversation.epoch == 1


def test_a_burst_is_one_turn(
    engine: Any, channel: Any, entry: Any, other_entries: None
) -> None:
    first = say(channel, "hello")
    last = say(channel, QUESTION)

    settled(last.message_id)

    assert settled(first.message_id).state == Message.State.ANSWERED
    assert Message.objects.filter(author="assistant").count() == 1
    assert Turn.objects.get().first_message_id == first.message_id


def test_a_question_that_was_handed_over_is_answered_when_asked_again(
    engine: Any, channel: Any, other_entries: None, account: Any
) -> None:
    said = say(channel, QUESTION)
    assert settled(said.message_id).state == Message.State.HANDED_OVER
    EntryFactory(
        account=account,
        title=QUESTION,
        body="Delivery takes three working days.",
    )

    services.ask_again(message=Message.objects.get(pk=said.message_id))

    assert settled(said.message_id).state == Message.State.ANSWERED
    reply = Message.objects.filter(author="assistant").order_by("-pk")[:1].get()
    assert "three working days" in reply.text


def test_a_message_without_text_gets_an_honest_reply(engine: Any, channel: Any) -> None:
    question = settled(say(channel, "").message_id)

    assert question.reason == "empty"


def test_nobody_answers_while_people_reply(
    engine: Any, channel: Any, entry: Any
) -> None:
    settled(say(channel, QUESTION).message_id)
    services.hand_off(conversation=Conversation.objects.get(), reason="taken_over")

    question = settled(say(channel, QUESTION, id_="2").message_id)

    assert question.state == Message.State.HANDED_OVER
    assert Message.objects.filter(author="assistant").count() == 1


def test_the_assistant_answers_again_after_the_hand_back(
    engine: Any, channel: Any, entry: Any
) -> None:
    settled(say(channel, QUESTION).message_id)
    services.hand_off(conversation=Conversation.objects.get(), reason="taken_over")
    services.hand_back(conversation=Conversation.objects.get(), reason="handed_back")

    question = settled(say(channel, QUESTION, id_="2").message_id)

    assert question.state == Message.State.ANSWERED


def test_a_chatwoot_webhook_is_answered_through_its_api(
    engine: Any, chatwoot: Any, entry: Any, network: Any
) -> None:
    network.answer_posts({"id": 900})
    body, headers = signed(chatwoot_message(90412, QUESTION))

    status, answer = post(chatwoot.webhook_path, body, headers)

    assert (status, answer) == (200, {"status": "ok"})
    delivery = eventually(lambda: Delivery.objects.filter(state="sent").first())
    (request,) = network.posts()
    assert request.url.path == "/api/v1/accounts/3/conversations/418/messages"
    assert request.headers["api-access-token"] == "bot-token"
    assert "three working days" in network.bodies()[0]["content"]
    assert network.bodies()[0]["content_attributes"] == {
        "reference": str(delivery.uuid)
    }
    assert delivery.external_id == "900"
    assert eventually(
        lambda: Message.objects.filter(author="assistant", state="sent").exists()
    )


def test_a_redelivered_webhook_is_answered_once(
    engine: Any, chatwoot: Any, entry: Any, network: Any
) -> None:
    body, headers = signed(chatwoot_message(90412, QUESTION))

    for _ in range(3):
        assert post(chatwoot.webhook_path, body, headers)[0] == 200

    eventually(network.posts)
    assert Event.objects.count() == 1
    assert Message.objects.filter(author="contact").count() == 1


def test_a_reply_typed_in_chatwoot_stops_the_assistant(
    engine: Any, chatwoot: Any, entry: Any, network: Any
) -> None:
    body, headers = signed(chatwoot_message(1, QUESTION))
    post(chatwoot.webhook_path, body, headers)
    eventually(network.posts)
    body, headers = signed(
        chatwoot_message(
            2,
            "I will look into it.",
            message_type="outgoing",
            sender={"id": 9, "name": "Ana", "type": "user"},
        )
    )

    post(chatwoot.webhook_path, body, headers)

    eventually(lambda: Conversation.objects.filter(status="support_active").exists())
    assert Message.objects.filter(author="support").count() == 1


def test_a_refusal_by_chatwoot_is_shown_and_not_repeated(
    engine: Any, chatwoot: Any, entry: Any, network: Any
) -> None:
    network.answer_posts(422)

    say(chatwoot, QUESTION)

    delivery = eventually(lambda: Delivery.objects.filter(state="failed").first())
    assert delivery.attempts == 1
    assert Message.objects.get(author="assistant").state == Message.State.FAILED
    assert Conversation.objects.get().needs_person


def test_a_busy_chatwoot_is_tried_again_when_it_says(
    engine: Any, chatwoot: Any, entry: Any, network: Any
) -> None:
    network.answer_posts(
        httpx2.Response(429, headers={"retry-after": "0.05"}), {"id": 5}
    )

    say(chatwoot, QUESTION)

    delivery = eventually(lambda: Delivery.objects.filter(state="sent").first())
    assert delivery.attempts == 2
    assert len(network.posts()) == 2


def test_after_a_timeout_we_look_before_we_send_again(
    engine: Any, chatwoot: Any, entry: Any, network: Any, monkeypatch: Any
) -> None:
    def listing(request: httpx2.Request) -> httpx2.Response:
        reference = network.bodies()[0]["content_attributes"]["reference"]
        found = {"id": 77, "content_attributes": {"reference": reference}}
        return httpx2.Response(200, json={"payload": [found]})

    def timeout(_: httpx2.Request) -> httpx2.Response:
        network.answer(listing)
        raise httpx2.ReadTimeout("too slow")

    monkeypatch.setattr("conversations.outcomes.random.uniform", lambda *_: 0.01)
    network.answer_posts(timeout)

    say(chatwoot, QUESTION)

    delivery = eventually(lambda: Delivery.objects.filter(state="sent").first())
    assert delivery.external_id == "77"
    assert len(network.posts()) == 1


def test_where_nobody_can_look_a_doubtful_part_is_not_repeated(
    engine: Any, chatwoot: Any, entry: Any, network: Any, monkeypatch: Any
) -> None:
    chatwoot.credentials = {**chatwoot.credentials, "user_token": ""}
    chatwoot.save()
    monkeypatch.setattr("conversations.outcomes.random.uniform", lambda *_: 0.01)
    network.answer_posts(httpx2.ReadTimeout("too slow"))

    say(chatwoot, QUESTION)

    eventually(lambda: Delivery.objects.filter(state="uncertain").exists())
    assert len(network.posts()) == 1
    assert Conversation.objects.get().needs_person


def test_a_handoff_is_told_to_chatwoot(
    engine: Any, chatwoot: Any, entry: Any, network: Any
) -> None:
    say(chatwoot, "Can I talk to a person?")

    eventually(lambda: Delivery.objects.filter(state="sent").count() == 2)
    line, status, note = network.bodies()
    assert line["private"] is False
    assert note["private"] is True
    assert status == {"status": "open"}


def test_a_long_answer_leaves_in_order(
    engine: Any, chatwoot: Any, bob: Any, network: Any
) -> None:
    settled(say(chatwoot, "I need a human.").message_id)
    eventually(lambda: len(network.posts()) == 2)
    text = "\n".join(f"Line {number}. " + "x" * 900 for number in range(25))

    with pytest.raises(Exception, match="characters"):
        services.reply(conversation=Conversation.objects.get(), user=bob, text=text)
    services.reply(conversation=Conversation.objects.get(), user=bob, text=text[:9_900])

    eventually(lambda: len(network.posts()) == 3)
    assert network.bodies()[3]["content"] == text[:9_900].strip()


def test_a_turn_of_a_dead_worker_is_taken_up(
    channel: Any, entry: Any, engine: Any
) -> None:
    with_dead = 987654
    work.stop()
    received = say(channel, QUESTION)
    Conversation.objects.update(worker=with_dead, attempts=1)

    work.start()

    assert settled(received.message_id).state == Message.State.ANSWERED
    lost = Turn.objects.get(state="failed")
    assert (lost.reason, lost.worker) == ("worker_died", with_dead)


def test_words_that_broke_three_turns_go_to_a_person(
    channel: Any, entry: Any, engine: Any
) -> None:
    work.stop()
    received = say(channel, QUESTION)
    Conversation.objects.update(attempts=3)

    work.start()

    question = settled(received.message_id)
    assert (question.state, question.reason) == (Message.State.HANDED_OVER, "error")
    assert Conversation.objects.get().status == "support_active"


def test_a_claim_is_made_once(channel: Any, entry: Any, transactional_db: None) -> None:
    say(channel, QUESTION)

    first, _ = claiming.claim(1, 10)
    second, _ = claiming.claim(2, 10)

    assert len(first) == 1
    assert second == []


def test_an_answer_into_a_passed_epoch_is_thrown_away(
    channel: Any, entry: Any, transactional_db: None
) -> None:
    say(channel, QUESTION)
    (claimed,), _ = claiming.claim(1, 10)
    services.hand_off(conversation=Conversation.objects.get(), reason="taken_over")
    answer = _answer(claimed)

    (result,) = turns.settle([(claimed, answer, True)])

    assert result.verdict == "person_acted"
    assert not Message.objects.filter(author="assistant").exists()
    assert Conversation.objects.get().worker is None
    assert Turn.objects.get().state == "dropped"


def test_words_that_come_during_a_turn_join_it(
    channel: Any, entry: Any, transactional_db: None
) -> None:
    say(channel, QUESTION)
    (claimed,), _ = claiming.claim(1, 10)
    say(channel, "To Sweden?", id_="2")

    (result,) = turns.settle([(claimed, _answer(claimed), True)])
    more = claiming.reread(claimed)

    assert result.verdict == "more_words"
    assert more is not None
    assert more.question.text == f"{QUESTION}\nTo Sweden?"


def test_words_that_may_not_join_get_the_next_turn(
    channel: Any, entry: Any, transactional_db: None
) -> None:
    say(channel, QUESTION)
    (claimed,), _ = claiming.claim(1, 10)
    later = say(channel, "To Sweden?", id_="2")

    (result,) = turns.settle([(claimed, _answer(claimed), False)])

    conversation = Conversation.objects.get()
    assert result.verdict == "committed"
    assert conversation.due_at is not None
    assert conversation.worker is None
    assert Message.objects.get(pk=later.message_id).state == Message.State.WAITING


def test_a_lost_claim_says_nothing(
    channel: Any, entry: Any, transactional_db: None
) -> None:
    say(channel, QUESTION)
    (claimed,), _ = claiming.claim(1, 10)
    Conversation.objects.update(worker=2)

    (result,) = turns.settle([(claimed, _answer(claimed), True)])

    assert result.verdict == "lost_claim"
    assert not Message.objects.filter(author="assistant").exists()


def test_a_worker_is_alive_only_while_it_holds_its_lease(
    transactional_db: None,
) -> None:
    held = lease.Lease()
    worker = held.hold()

    assert lease.dead([worker, 424242]) == {424242}
    held.release()
    assert lease.dead([worker]) == {worker}


def _answer(claimed: Any) -> Any:
    from ai_model.exchange import Answer

    return Answer("Three days.", Message.State.ANSWERED, "answered", "en")


def test_only_the_first_reply_of_a_conversation_says_that_an_ai_answers(
    engine: Any, channel: Any, entry: Any, other_entries: None
) -> None:
    settled(say(channel, QUESTION).message_id)
    settled(say(channel, QUESTION).message_id)

    first, second = Message.objects.filter(author="assistant").order_by("pk")
    conversation = Conversation.objects.get()
    assert first.preamble == "You are writing with an automatic assistant (AI)."
    assert first.text.startswith(first.preamble)
    assert "three working days" in first.text
    assert (second.preamble, "(AI)" in second.text) == ("", False)
    assert conversation.greeted_at is not None
    assert conversation.greeted_at <= second.created_at


def test_a_notice_that_never_left_is_given_again(
    channel: Any, conversation: Conversation
) -> None:
    conversation.greeted_at = timezone.now()
    conversation.save()
    message = conversation.messages.create(
        account=conversation.account,
        author="assistant",
        state="sending",
        preamble="An AI answers.",
        text="An AI answers.\n\nThree days.",
    )
    for part, state in enumerate(("waiting", "waiting")):
        message.deliveries.create(
            account=message.account,
            conversation=conversation,
            part=part,
            state=state,
            epoch=0,
            due_at=timezone.now(),
        )

    services.hand_off(conversation=conversation, reason="taken_over")

    conversation.refresh_from_db()
    assert conversation.greeted_at is None


def test_a_message_outside_hours_leaves_the_conversation_to_the_assistant(
    engine: Any, channel: Any
) -> None:
    Assistant.objects.create(
        account=channel.account,
        business_hours={"mon": []},
        special_days={"2100-01-01": [["09:00", "10:00"]]},
        outside_hours="message",
    )

    question = settled(say(channel, QUESTION).message_id)

    conversation = Conversation.objects.get()
    assert (question.state, question.reason) == ("handed_over", "outside_hours")
    assert "We are closed right now." in Message.objects.get(author="assistant").text
    assert conversation.status == Conversation.Status.ACTIVE
    assert conversation.needs_person
    assert not conversation.has_offer


class ModelAndChatwoot:
    """A network in which the model waits until the contact has seen a sign."""

    def __init__(self) -> None:
        self.paths: list[str] = []
        self._is_shown = asyncio.Event()

    async def __call__(self, request: httpx2.Request) -> httpx2.Response:
        self.paths.append(request.url.path)
        if request.url.path.endswith("/toggle_typing_status"):
            self._is_shown.set()
            return httpx2.Response(500)  # a sign that fails harms nothing
        if request.url.host == "model.example":
            await self._is_shown.wait()
        return httpx2.Response(200, json={})

    def said(self) -> bool:
        return any(each.endswith("/messages") for each in self.paths)

    def signs(self) -> list[str]:
        return [each for each in self.paths if each.endswith("/toggle_typing_status")]


def test_while_a_model_works_the_contact_sees_that_somebody_writes(
    engine: Any, chatwoot: Any, entry: Any, settings: Any, monkeypatch: Any
) -> None:
    monkeypatch.setattr("ai_model.engine.TYPING_AFTER_S", 0.01)
    settings.OPENAI_API_KEY, settings.OPENAI_BASE_URL = "key", "http://model.example/v1"
    outside = ModelAndChatwoot()

    with http.use_transport(httpx2.MockTransport(outside)):
        say(chatwoot, QUESTION)
        eventually(outside.said)

    path = "/api/v1/accounts/3/conversations/418/toggle_typing_status"
    assert outside.signs() == [path]


def test_a_quick_answer_shows_no_sign_that_somebody_writes(
    engine: Any, chatwoot: Any, entry: Any, network: Any, settings: Any
) -> None:
    settings.OPENAI_API_KEY, settings.OPENAI_BASE_URL = "key", "http://model.example/v1"

    say(chatwoot, QUESTION)

    eventually(network.posts)
    assert network.posts("/toggle_typing_status") == []
