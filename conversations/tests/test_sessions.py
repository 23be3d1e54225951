"""Sessions: made by CRMs, and each one person's own."""

from __future__ import annotations

import asyncio
import json
from typing import Any

import pytest
from asgiref.sync import async_to_sync
from asgiref.testing import ApplicationCommunicator

from conversations import sessions
from conversations.models import Conversation, Message
from conversations.tests.test_api import PATH, PERSON, SESSION, body
from core.asgi import application
from core.tests.asgi import acall, call_json
from knowledge.tests.factories import EntryFactory

pytestmark = pytest.mark.django_db(transaction=True)


def ask(text: str = "Hello", agent_id: str = "jane", session: str = SESSION) -> Any:
    sent = body(text, person={"agent_id": agent_id}, session_id=session)
    return call_json(PATH, sent).json


def texts(conversation: Conversation) -> list[str]:
    rows = conversation.messages.filter(author="contact").order_by("id")
    return list(rows.values_list("text", flat=True))


def test_somebody_elses_id_leads_to_a_session_of_ones_own(
    engine: Any, channel: Any
) -> None:
    first = ask("Hello from Jane", "jane")
    second = ask("Hello from John", "john")

    assert first["session_id"] == SESSION
    assert second["session_id"] != SESSION
    assert second["session_id"].startswith("customer-session-")
    assert [texts(each) for each in Conversation.objects.order_by("id")] == [
        ["Hello from Jane"],
        ["Hello from John"],
    ]


def test_the_id_is_the_same_when_the_call_is_repeated(
    engine: Any, channel: Any
) -> None:
    ask(agent_id="jane")

    given = {ask(agent_id="john")["session_id"] for _ in range(3)}

    assert len(given) == 1
    assert Conversation.objects.count() == 2


def test_the_id_that_was_given_goes_on_with_that_session(
    engine: Any, channel: Any
) -> None:
    ask(agent_id="jane")
    given = ask("One", "john")["session_id"]

    again = ask("Two", "john", session=given)["session_id"]

    assert again == given
    assert texts(Conversation.objects.latest("id")) == ["One", "Two"]


def test_a_given_id_is_of_no_use_to_others(engine: Any, channel: Any) -> None:
    ask(agent_id="jane")
    given = ask("John's", "john")["session_id"]

    charlie = ask("Charlie's", "charlie", session=given)["session_id"]

    assert charlie != given
    assert texts(Conversation.objects.latest("id")) == ["Charlie's"]


def test_who_began_a_session_keeps_its_id(engine: Any, channel: Any) -> None:
    for name in ("jane", "john", "charlie"):
        ask(agent_id=name)

    assert ask(agent_id="jane")["session_id"] == SESSION


def test_agents_and_channels_do_not_take_ids_from_each_other(
    engine: Any, channel: Any, charlie: Any
) -> None:
    from integrations.tests.factories import ChannelFactory

    ask(agent_id="jane")
    other = ChannelFactory()
    sent = body("Hello", person={"agent_id": "john"})

    support = call_json("/api/agent/support/", sent)
    elsewhere = call_json(PATH, sent, headers={"x-channel-key": other.key})

    assert support.json["session_id"] == SESSION
    assert elsewhere.json["session_id"] == SESSION


def test_a_rating_finds_its_session_by_both_ids(engine: Any, channel: Any) -> None:
    ask(agent_id="jane")
    answer = ask(agent_id="john")
    sent = {
        "feedback_type": "helpful",
        "query": "Hello",
        "response": answer["response"],
        "agent_type": "customer",
        "user_info": {**PERSON, "agent_id": "john", "full_name": "John"},
    }

    statuses = [
        call_json(
            "/api/feedback", {**sent, "message_id": "m", "session_id": each}
        ).status
        for each in (answer["session_id"], SESSION)
    ]

    assert statuses == [200, 200]


def test_a_question_may_lean_on_the_one_before(
    engine: Any, channel: Any, account: Any
) -> None:
    EntryFactory(account=account, title="Delivery to Norway", body="It takes a week.")

    def searched(text: str, session: str) -> str:
        sent = body(text, session_id=session)
        return str(call_json("/api/agent/test/", sent).json["debug"]["query"])

    searched("How long does delivery to Norway take?", "one")

    assert "Norway" in searched("And how much does it cost?", "one")
    assert "Norway" not in searched("And how much does it cost?", "another")


def test_two_questions_at_once_are_answered_in_order(
    engine: Any, channel: Any, account: Any
) -> None:
    EntryFactory(account=account, title="How long is delivery?", body="Three days.")
    EntryFactory(account=account, title="Do you sell gift cards?", body="Yes, we do.")

    async def run() -> list[Any]:
        headers = {"content-type": "application/json"}
        wanted = ("How long is delivery?", "Do you sell gift cards?")
        calls = [
            acall(PATH, json.dumps(body(each)).encode(), headers=headers)
            for each in wanted
        ]
        return await asyncio.gather(*calls)

    answers = async_to_sync(run)()

    assert [each.status for each in answers] == [200, 200]
    asked = list(Message.objects.filter(author="contact").order_by("id"))
    told = [
        Message.objects.filter(
            author="assistant", pk__gt=each.pk, answers_up_to__gte=each.pk
        ).earliest("id")
        for each in asked
    ]
    assert told[0].pk <= told[1].pk
    assert {each.json["response"] for each in answers} == {each.text for each in told}
    assert [each.state for each in asked] == ["answered", "answered"]


def test_a_client_that_hangs_up_loses_nothing(engine: Any, channel: Any) -> None:
    async def ask_and_leave() -> None:
        app = ApplicationCommunicator(
            application,
            {
                "type": "http",
                "method": "POST",
                "path": PATH,
                "query_string": b"",
                "headers": [
                    (b"host", b"localhost"),
                    (b"content-type", b"application/json"),
                ],
            },
        )
        sent = json.dumps(body("Hello")).encode()
        await app.send_input({"type": "http.request", "body": sent})
        while not await Message.objects.filter(author="contact").aexists():
            await asyncio.sleep(0.01)
        await app.send_input({"type": "http.disconnect"})
        await app.wait(10)

    async_to_sync(ask_and_leave)()

    again = ask("Goodbye", PERSON["agent_id"])
    conversation = Conversation.objects.get()
    assert texts(conversation) == ["Hello", "Goodbye"]
    assert not conversation.messages.filter(state="waiting").exists()
    assert again["response"]


@pytest.mark.parametrize(
    ("one", "other"),
    [(("a", "bc"), ("ab", "c")), (("a\x1fb", "c"), ("a", "b\x1fc"))],
    ids=["joined", "with the separator inside"],
)
def test_names_made_of_parts_never_meet(one: Any, other: Any) -> None:
    assert sessions._digest(*one) != sessions._digest(*other)
