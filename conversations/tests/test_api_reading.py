"""What a chat page missed, read by its session."""

from __future__ import annotations

from typing import Any

import pytest

from conversations import api
from conversations.identity import sign
from conversations.models import Conversation
from conversations.tests.acting import commit, say
from conversations.tests.factories import MessageFactory
from conversations.tests.test_api import PATH, body
from core.tests.asgi import call, call_json
from integrations.services import renew_secret
from integrations.tests.factories import ChannelFactory

pytestmark = pytest.mark.django_db(transaction=True)

PAGE_SESSION = "f3a1c2d4-0000-4000-8000-1234567890ab"


def read(channel: Any, session: str = PAGE_SESSION, **options: Any) -> Any:
    headers = {"x-channel-key": channel.key, "x-session-id": session}
    return call(
        f"/api/chat/{options.pop('path', channel.uuid)}/messages",
        method=options.pop("method", "GET"),
        headers={**headers, **options.pop("headers", {})},
        **options,
    )


def test_a_page_reads_its_conversation(channel: Any) -> None:
    say(channel, "Hello?", thread=PAGE_SESSION, id_="m1")
    commit(Conversation.objects.get(), "Hi!")

    found = read(channel).json

    assert [each["text"] for each in found["messages"]] == ["Hello?", "Hi!"]
    assert found["messages"][0]["message_id"] == "m1"
    assert (found["status"], found["epoch"], found["seq"]) == ("active", 0, 2)
    assert found["is_waiting"] is False


def test_a_page_reads_only_what_it_missed(channel: Any) -> None:
    say(channel, "Hello?", thread=PAGE_SESSION, id_="m1")
    commit(Conversation.objects.get(), "Hi!")

    found = read(channel, query="after=1").json

    assert [each["text"] for each in found["messages"]] == ["Hi!"]


def test_a_page_never_reads_what_was_withheld(channel: Any) -> None:
    say(channel, "Hello?", thread=PAGE_SESSION)
    row = Conversation.objects.get()
    MessageFactory(conversation=row, author="assistant", state="withheld", seq=2)

    assert len(read(channel).json["messages"]) == 1


def test_a_session_that_has_not_begun_is_empty(channel: Any) -> None:
    assert read(channel).json == {
        "status": "active", "epoch": 0, "seq": 0, "is_waiting": False,
        "has_offer": False, "messages": [],
    }  # fmt: skip


def test_another_session_reads_nothing_of_it(channel: Any) -> None:
    say(channel, "Hello?", thread=PAGE_SESSION)
    other = ChannelFactory()

    assert read(channel, session=PAGE_SESSION[:-1] + "0").json["messages"] == []
    assert read(other).json["messages"] == []
    assert read(other, path=channel.uuid).status == 404


@pytest.mark.parametrize("session", ["", "short"])
def test_a_session_that_could_be_guessed_is_refused(channel: Any, session: str) -> None:
    assert read(channel, session=session).status == 401


@pytest.mark.parametrize("after", ["x", "-1", "1.5", "9" * 30, "%00"])
def test_a_number_that_is_none_is_refused(channel: Any, after: str) -> None:
    assert read(channel, query=f"after={after}").status == 400


@pytest.mark.parametrize("method", ["POST", "PUT"])
def test_reading_takes_get_only(channel: Any, method: str) -> None:
    assert read(channel, method=method).status == 405


def test_a_page_reads_at_most_so_many(channel: Any, monkeypatch: Any) -> None:
    monkeypatch.setattr(api, "PAGE", 3)
    for number in range(5):
        say(channel, f"{number}", thread=PAGE_SESSION, id_=f"m{number}")

    first = read(channel).json["messages"]
    rest = read(channel, query=f"after={first[-1]['seq']}").json["messages"]

    assert [each["text"] for each in first + rest] == ["0", "1", "2", "3", "4"]


# --- Sessions of the widget -----------------------------------------------------

SECRET_SESSION = "customer-session-1707500000123" + "0123456789" * 3


def ask(text: str = "Hello!", session: str = SECRET_SESSION, **more: Any) -> Any:
    sent = body(text, person={"agent_id": "jane"}, session_id=session)
    return call_json(PATH, {**sent, **more}).json


def read_as(channel: Any, agent_id: str, **options: Any) -> Any:
    options = {"session": SECRET_SESSION, "query": f"agent_id={agent_id}", **options}
    return read(channel, **options)


def test_a_widget_reads_its_conversation(engine: Any, channel: Any) -> None:
    answer = ask(message_id="m1")

    found = read_as(channel, "jane").json["messages"]

    assert [each["author"] for each in found] == ["contact", "assistant"]
    assert found[0]["message_id"] == "m1"
    assert found[1]["id"] == answer["message_id"]


def test_a_message_with_a_name_is_asked_once(engine: Any, channel: Any) -> None:
    answers = [ask(message_id="m1") for _ in range(2)]

    assert answers[0]["message_id"] == answers[1]["message_id"]
    assert len(read_as(channel, "jane").json["messages"]) == 2


def test_who_names_no_message_gets_the_documented_fields(
    engine: Any, channel: Any
) -> None:
    assert "message_id" not in ask()


def test_a_widgets_session_is_read_by_its_person_only(
    engine: Any, channel: Any
) -> None:
    ask()

    assert read_as(channel, "john").json["messages"] == []
    assert read_as(ChannelFactory(), "jane").json["messages"] == []
    assert read(channel, session=SECRET_SESSION).json["messages"] == []
    support = SECRET_SESSION.replace("customer", "support")
    assert read_as(channel, "jane", session=support).json["messages"] == []


@pytest.mark.parametrize(
    "session",
    [
        "customer-session-1707500000123",
        "customer-session-1707500000123" + "0" * 23,
        SECRET_SESSION + "x",
        "customer-session-1707500000123-of-jane-at-the-office-in-cape-town",
        "",
    ],
)
def test_what_is_said_under_an_id_that_could_be_guessed_is_not_read(
    engine: Any, channel: Any, session: str
) -> None:
    if session:
        assert "response" in ask(session=session)

    assert read_as(channel, "jane", session=session).status == 401


def test_a_channel_of_signed_users_is_read_with_a_signature(
    engine: Any, channel: Any
) -> None:
    secret = renew_secret(channel)
    channel.requires_signature = True
    channel.save(update_fields=["requires_signature"])
    signature = sign(secret, "jane")
    sent = body(
        "Hello!",
        person={"agent_id": "jane", "signature": signature},
        session_id=SECRET_SESSION,
    )
    call_json(PATH, sent)

    signed = read_as(channel, "jane", headers={"x-signature": signature})

    assert len(signed.json["messages"]) == 2
    assert read_as(channel, "jane").status == 401
    assert read_as(channel, "jane", headers={"x-signature": "0" * 64}).status == 401
